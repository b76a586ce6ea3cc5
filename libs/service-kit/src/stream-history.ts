import type { HistoryItem } from '@quell/contracts/task';
import { loadUntil } from '@quell/event-store/load';
import type { Pool } from 'pg';
import { z } from 'zod';
import { decodeCursor, type Page, pageOf } from './cursor.ts';

/** The greatest version there can be: tables keep it in an `int`. */
const LAST_VERSION = 2_147_483_647;
const place = z.tuple([z.int().min(0).max(LAST_VERSION)]);

/** A page of the events of one stream, oldest first; undefined when there is no such stream. @throws ProblemError 400 for a foreign cursor */
export async function streamHistory(
  pool: Pool,
  schema: string,
  streamId: string,
  { limit, cursor }: { readonly limit: number; readonly cursor?: string | undefined },
): Promise<Page<HistoryItem> | undefined> {
  const [after] = cursor === undefined ? [0] : decodeCursor(cursor, place);
  const until = Math.min(after + limit + 1, LAST_VERSION);
  const events = (await loadUntil(pool, schema, [streamId], { asOf: until, after })).get(streamId) ?? [];
  // A cursor of its last event has a page too, an empty one.
  if (events.length === 0 && (after === 0 || !(await exists(pool, schema, streamId)))) return undefined;
  return pageOf(
    events,
    limit,
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

async function exists(pool: Pool, schema: string, streamId: string): Promise<boolean> {
  return (await loadUntil(pool, schema, [streamId], { asOf: 1 })).get(streamId)?.length === 1;
}
