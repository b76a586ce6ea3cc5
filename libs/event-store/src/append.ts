import type pg from 'pg';
import { appendManySql, appendOneSql } from './append-sql.ts';
import {
  int2Array,
  int4Array,
  requireUuid,
  textArray,
  timestampArray,
  utf8ByteaArray,
  uuidArray,
} from './array-parameters.ts';
import type { NewEvent } from './event.ts';

/** Events for one stream, decided on its state at `expectedVersion`. */
export interface StreamAppend {
  /** Lower-case UUID. */
  readonly streamId: string;
  /** The version that was read, in this transaction or from state known to be committed; 0 for a new stream. */
  readonly expectedVersion: number;
  /** At least one. */
  readonly events: readonly NewEvent[];
}

export interface AppendedStream {
  /** Of the last event appended. */
  readonly version: number;
  readonly recordedAt: Date;
}

/**
 * On refusal nothing is written and the transaction is aborted (the caller rolls back), for one of two reasons:
 * `conflicts` are the streams that are not at their expected version: load them again and decide again.
 * `duplicates` is the first event id found stored already (or twice in the call): ask `storedEventIds` which of yours are known.
 */
export type AppendResult =
  | { readonly ok: true; readonly streams: ReadonlyMap<string, AppendedStream> }
  | { readonly ok: false; readonly conflicts: readonly string[]; readonly duplicates: readonly string[] };

/**
 * Appends to many streams in one statement, all or nothing. Must be the first write of its transaction: row locks and sequences
 * count as writes, advisory locks do not. Events get their positions in the order of `appends`.
 *
 * @throws DatabaseError with code `ES001` when the transaction has written before (a bug in the caller), or any other error of Postgres.
 * @throws TypeError when a stream is named twice, has no events, or an id is not a lower-case UUID.
 */
export async function append(
  client: pg.ClientBase,
  schema: string,
  appends: readonly StreamAppend[],
): Promise<AppendResult> {
  if (appends.length === 0) return { ok: true, streams: new Map() };
  const heads = appends.toSorted((a, b) => (a.streamId < b.streamId ? -1 : 1));
  requireDistinctStreams(heads);
  const [only] = heads;
  const query =
    heads.length === 1 && only?.events.length === 1 ? oneQuery(schema, only) : manyQuery(schema, appends, heads);
  try {
    const { rows } = await client.query<{ recorded: string }>(query);
    const recorded = String(rows[0]?.recorded).split(',');
    const streams = new Map<string, AppendedStream>();
    heads.forEach(({ streamId, expectedVersion, events }, index) => {
      streams.set(streamId, {
        version: expectedVersion + events.length,
        recordedAt: new Date(Number(recorded[index])),
      });
    });
    return { ok: true, streams };
  } catch (error) {
    const refusal = refusalOf(error as pg.DatabaseError, schema);
    if (refusal) return refusal;
    throw error;
  }
}

function requireDistinctStreams(heads: readonly StreamAppend[]): void {
  heads.forEach(({ streamId, events }, index) => {
    if (events.length === 0) throw new TypeError(`no events to append to stream ${streamId}`);
    if (heads[index + 1]?.streamId === streamId) throw new TypeError(`stream ${streamId} is named twice in one append`);
  });
}

// Named, so that each connection plans them once.
function oneQuery(schema: string, { streamId, expectedVersion, events }: StreamAppend): pg.QueryConfig {
  const event = events[0] as NewEvent;
  requireUuid(streamId, 'streamId');
  requireUuid(event.id, 'id');
  requireUuid(event.correlationId, 'correlationId');
  if (event.causationId !== undefined) requireUuid(event.causationId, 'causationId');
  return {
    name: `append-one ${schema}`,
    text: appendOneSql(schema),
    values: [
      streamId,
      expectedVersion,
      event.occurredAt.toISOString(),
      event.id,
      event.correlationId,
      event.causationId,
      event.schemaVersion,
      event.type,
      event.actor,
      event.traceparent,
      Buffer.from(json(event)),
    ],
  };
}

function manyQuery(schema: string, appends: readonly StreamAppend[], heads: readonly StreamAppend[]): pg.QueryConfig {
  const headOf = new Map(heads.map(({ streamId }, index) => [streamId, index + 1]));
  const events = appends.flatMap(({ events }) => events);
  return {
    name: `append-many ${schema}`,
    text: appendManySql(schema),
    values: [
      uuidArray(
        heads.map(({ streamId }) => streamId),
        'streamId',
      ),
      int4Array(heads.map(({ expectedVersion }) => expectedVersion)),
      int4Array(heads.map(({ expectedVersion, events }) => expectedVersion + events.length)),
      int4Array(appends.flatMap(({ streamId, events }) => events.map(() => headOf.get(streamId) as number))),
      int4Array(
        appends.flatMap(({ expectedVersion, events }) => events.map((_, index) => expectedVersion + 1 + index)),
      ),
      timestampArray(events.map(({ occurredAt }) => occurredAt)),
      uuidArray(
        events.map(({ id }) => id),
        'id',
      ),
      uuidArray(
        events.map(({ correlationId }) => correlationId),
        'correlationId',
      ),
      uuidArray(
        events.map(({ causationId }) => causationId),
        'causationId',
      ),
      int2Array(events.map(({ schemaVersion }) => schemaVersion)),
      textArray(events.map(({ type }) => type)),
      textArray(events.map(({ actor }) => actor)),
      textArray(events.map(({ traceparent }) => traceparent)),
      utf8ByteaArray(events.map(json)),
    ],
  };
}

function json({ id, data }: NewEvent): string {
  const text: string | undefined = JSON.stringify(data);
  if (text === undefined) throw new TypeError(`the data of event ${id} is not JSON`);
  return text;
}

function refusalOf(
  { code, detail, constraint, schema: errorSchema }: pg.DatabaseError,
  schema: string,
): AppendResult | undefined {
  if (code === 'ES002') return { ok: false, conflicts: detail?.split(',') ?? [], duplicates: [] };
  if (code === '23505' && constraint === 'event_id_key' && errorSchema === schema) {
    const id = /\(id\)=\(([0-9a-f-]{36})\)/.exec(detail ?? '')?.[1];
    return { ok: false, conflicts: [], duplicates: id ? [id] : [] };
  }
  return undefined;
}
