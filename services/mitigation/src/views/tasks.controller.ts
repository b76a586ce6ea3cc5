import { Controller, Get, Inject, Param, Query } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { taskStatusCatalogue } from '@quell/contracts/recommended-actions';
import type { TaskStatusList } from '@quell/contracts/status-catalogue';
import type { HistoryItem, TaskDto } from '@quell/contracts/task';
import { historyQuery, type TaskListQuery, taskListQuery, taskQuery } from '@quell/contracts/task-api';
import { uuid } from '@quell/contracts/vocabulary';
import { Scopes } from '@quell/service-kit/auth';
import type { Page } from '@quell/service-kit/cursor';
import { refusal } from '@quell/service-kit/problem-error';
import { z } from 'zod';
import { FindHistory, FindTask, ListTasks } from './queries.ts';

@Controller('/v1')
@Scopes('tasks:read')
export class TasksController {
  constructor(@Inject(QueryBus) private readonly queries: QueryBus) {}

  @Get('task-statuses')
  statuses(): TaskStatusList {
    return taskStatusCatalogue();
  }

  @Get('tasks')
  list(@Query({ schema: taskListQuery }) query: TaskListQuery): Promise<Page<TaskDto>> {
    return this.queries.execute(new ListTasks(query));
  }

  @Get('tasks/:id')
  async find(
    @Param('id', { schema: uuid }) id: string,
    @Query({ schema: taskQuery }) { asOf }: z.infer<typeof taskQuery>,
  ): Promise<TaskDto> {
    const task = await this.queries.execute(new FindTask(id, asOf));
    if (task === undefined) throw notFound(id, asOf);
    return task;
  }

  @Get('tasks/:id/history')
  async history(
    @Param('id', { schema: uuid }) id: string,
    @Query({ schema: historyQuery }) page: z.infer<typeof historyQuery>,
  ): Promise<Page<HistoryItem>> {
    const history = await this.queries.execute(new FindHistory(id, page));
    if (history === undefined) throw notFound(id);
    return history;
  }
}

function notFound(id: string, asOf?: string) {
  return refusal('not-found', asOf === undefined ? `There is no task ${id}.` : `There was no task ${id} at ${asOf}.`);
}
