import type { HistoryItem, TaskDto } from '@quell/contracts/task';
import { load, loadUntil } from '@quell/event-store/load';
import type { Page } from '@quell/service-kit/cursor';
import { streamHistory } from '@quell/service-kit/stream-history';
import type { Pool } from 'pg';
import { SCHEMA } from '../database/schema.ts';
import { foldTask } from '../task/evolve.ts';
import { recordedEvent } from '../task-store/stream.ts';
import { taskDtoOf } from './task-dto.ts';

/** A task folded from its stream, so that a caller reads what it wrote; with `asOf` as it was recorded then. */
export async function readTask(pool: Pool, taskId: string, asOf?: string): Promise<TaskDto | undefined> {
  const streams =
    asOf === undefined
      ? await load(pool, SCHEMA, [taskId])
      : await loadUntil(pool, SCHEMA, [taskId], { asOf: new Date(asOf) });
  const task = foldTask((streams.get(taskId) ?? []).map(recordedEvent));
  return task === undefined ? undefined : taskDtoOf(taskId, task);
}

/** The events of a task, oldest first; undefined when there is no such task. */
export function readHistory(
  pool: Pool,
  taskId: string,
  page: { readonly limit: number; readonly cursor?: string | undefined },
): Promise<Page<HistoryItem> | undefined> {
  return streamHistory(pool, SCHEMA, taskId, page);
}
