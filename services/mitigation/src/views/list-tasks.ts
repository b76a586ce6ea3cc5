import { hostnameForm } from '@quell/contracts/host-identifiers';
import type { TaskDto } from '@quell/contracts/task';
import type { TaskListQuery } from '@quell/contracts/task-api';
import { timestamp, uuid } from '@quell/contracts/vocabulary';
import { decodeCursor, type Page, pageOf } from '@quell/service-kit/cursor';
import type { DataSource } from 'typeorm';
import { z } from 'zod';
import { taskDtoOf } from './task-dto.ts';
import { TaskViewEntity } from './task-view.entity.ts';

const position = z.tuple([timestamp, uuid]);

/** Tasks that pass every filter, the last updated first. The list follows the streams with a short delay. */
export async function listTasks(dataSource: DataSource, query: TaskListQuery): Promise<Page<TaskDto>> {
  const list = dataSource
    .getRepository(TaskViewEntity)
    .createQueryBuilder('t')
    .orderBy('t.updatedAt', 'DESC')
    .addOrderBy('t.taskId', 'ASC')
    .take(query.limit + 1);
  if (query.status !== undefined) list.andWhere('t.statusCode IN (:...statuses)', { statuses: query.status });
  if (query.kind !== undefined) list.andWhere('t.kind IN (:...kinds)', { kinds: query.kind });
  if (query.severity !== undefined) list.andWhere('t.severity IN (:...severities)', { severities: query.severity });
  if (query.actionRequired !== undefined) {
    list.andWhere('t.actionRequired = :actionRequired', { actionRequired: query.actionRequired });
  }
  if (query.since !== undefined) list.andWhere('t.updatedAt >= :since', { since: query.since });
  if (query.endpoint !== undefined) {
    const { data: endpointId } = uuid.safeParse(query.endpoint);
    list.andWhere(
      '(t.endpointId = :endpointId OR t.agentId = :endpoint OR t.deviceId = :endpoint OR lower(t.hostname) = :hostname)',
      { endpointId: endpointId ?? null, endpoint: query.endpoint, hostname: hostnameForm(query.endpoint) },
    );
  }
  if (query.cursor !== undefined) {
    const [updatedAt, taskId] = decodeCursor(query.cursor, position);
    list.andWhere('(t.updatedAt < :updatedAt OR (t.updatedAt = :updatedAt AND t.taskId > :taskId))', {
      updatedAt,
      taskId,
    });
  }
  const rows = await list.getMany();
  return pageOf(
    rows,
    query.limit,
    ({ taskId, state }) => taskDtoOf(taskId, state),
    ({ taskId, updatedAt }) => [updatedAt.toISOString(), taskId],
  );
}
