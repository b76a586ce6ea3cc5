import type { HistoryItem, TaskDto } from '@quell/contracts/task';
import { load, loadUntil } from '@quell/event-store/load';
import { decodeCursor, type Page, pageOf } from '@quell/service-kit/cursor';
import type { Pool } from 'pg';
import { z } from 'zod';
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

/** The greatest version there can be: tables keep it in an `int`. */
const LAST_VERSION = 2_147_483_647;
const position = z.tuple([z.int().min(0).max(LAST_VERSION)]);

/** The events of a task, oldest first; undefined when there is no such task. */
export async function readHistory(
  pool: Pool,
  taskId: string,
  query: { readonly limit: number; readonly cursor?: string | undefined },
): Promise<Page<HistoryItem> | undefined> {
  const [after] = query.cursor === undefined ? [0] : decodeCursor(query.cursor, position);
  const until = Math.min(after + query.limit + 1, LAST_VERSION);
  const streams = await loadUntil(pool, SCHEMA, [taskId], { asOf: until });
  const events = streams.get(taskId) ?? [];
  if (events.length === 0) return undefined;
  return pageOf(
    events.slice(after),
    query.limit,
    (event) => ({
      id: event.id,
      type: event.type,
      version: event.version,
      occurredAt: event.occurredAt.toISOString(),
      recordedAt: event.recordedAt.toISOString(),
      actor: event.actor,
      data: event.data,
      correlationId: event.correlationId,
      ...(event.causationId == null ? {} : { causationId: event.causationId }),
    }),
    ({ version }) => [version],
  );
}
