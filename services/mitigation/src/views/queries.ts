import { Inject } from '@nestjs/common';
import { type IQueryHandler, Query, QueryHandler } from '@nestjs/cqrs';
import type { HistoryItem, TaskDto } from '@quell/contracts/task';
import type { TaskListQuery } from '@quell/contracts/task-api';
import type { Page } from '@quell/service-kit/cursor';
import type { Pool } from 'pg';
import { DataSource } from 'typeorm';
import { POOL } from '../database/pool.ts';
import { listTasks } from './list-tasks.ts';
import { readHistory, readTask } from './read-task.ts';

export class ListTasks extends Query<Page<TaskDto>> {
  constructor(readonly query: TaskListQuery) {
    super();
  }
}

@QueryHandler(ListTasks)
export class ListTasksHandler implements IQueryHandler<ListTasks> {
  constructor(@Inject(DataSource) private readonly dataSource: DataSource) {}

  execute = ({ query }: ListTasks) => listTasks(this.dataSource, query);
}

export class FindTask extends Query<TaskDto | undefined> {
  constructor(
    readonly taskId: string,
    readonly asOf?: string | undefined,
  ) {
    super();
  }
}

@QueryHandler(FindTask)
export class FindTaskHandler implements IQueryHandler<FindTask> {
  constructor(@Inject(POOL) private readonly pool: Pool) {}

  execute = ({ taskId, asOf }: FindTask) => readTask(this.pool, taskId, asOf);
}

export class FindHistory extends Query<Page<HistoryItem> | undefined> {
  constructor(
    readonly taskId: string,
    readonly page: { readonly limit: number; readonly cursor?: string | undefined },
  ) {
    super();
  }
}

@QueryHandler(FindHistory)
export class FindHistoryHandler implements IQueryHandler<FindHistory> {
  constructor(@Inject(POOL) private readonly pool: Pool) {}

  execute = ({ taskId, page }: FindHistory) => readHistory(this.pool, taskId, page);
}

export const taskQueryHandlers = [ListTasksHandler, FindTaskHandler, FindHistoryHandler];
