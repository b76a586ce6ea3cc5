import { randomUUID } from 'node:crypto';
import {
  int2Array,
  int4Array,
  textArray,
  timestampArray,
  utf8ByteaArray,
  uuidArray,
} from '@quell/event-store/array-parameters';
import type { ClientBase } from 'pg';
import { APPENDS_PER_STREAM, data, type, type Writer } from './writer.ts';

const columns =
  'recorded_at, occurred_at, id, stream_id, correlation_id, causation_id, version, schema_version, type, actor, data';

const INSERT_ONE = `INSERT INTO raw.event (${columns}) VALUES (now(), $1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`;

/** Rows of the event store's table and indexes, with nothing around: no heads, no expected version, no guard. */
export const INSERT_MANY = `INSERT INTO raw.event (${columns})
  SELECT now(), * FROM unnest($1::timestamptz[], $2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::int[], $7::smallint[], $8::text[],
    $9::text[], $10::bytea[])`;

/** Into the same columns and indexes, prepared; several rows by binary arrays, the fastest way there is short of COPY. */
export function rawWriter(client: ClientBase, events: number): Writer {
  let streamId = randomUUID() as string;
  let version = 0;
  return async () => {
    const correlationId = randomUUID();
    if (events === 1) {
      const json = Buffer.from(JSON.stringify(data));
      await client.query({
        name: 'raw-one',
        text: INSERT_ONE,
        values: [
          new Date().toISOString(),
          randomUUID(),
          streamId,
          correlationId,
          correlationId,
          version + 1,
          1,
          type,
          'source:edr',
          json,
        ],
      });
    } else {
      const streams = new Array<string>(events).fill(streamId);
      await client.query({ name: 'raw-many', text: INSERT_MANY, values: rowsOf(streams, version + 1, correlationId) });
    }
    version += events;
    if (version === APPENDS_PER_STREAM * events) {
      streamId = randomUUID();
      version = 0;
    }
  };
}

/** One row a stream named; a stream named again gets the next version. */
export function rowsOf(streamIds: readonly string[], firstVersion: number, correlationId: string): Buffer[] {
  const times = streamIds.map(() => new Date());
  const same = streamIds.map(() => correlationId);
  const single = new Set(streamIds).size === 1;
  return [
    timestampArray(times),
    uuidArray(
      streamIds.map(() => randomUUID()),
      'id',
    ),
    uuidArray(streamIds, 'streamId'),
    uuidArray(same, 'correlationId'),
    uuidArray(same, 'causationId'),
    int4Array(streamIds.map((_, index) => firstVersion + (single ? index : 0))),
    int2Array(streamIds.map(() => 1)),
    textArray(streamIds.map(() => type)),
    textArray(streamIds.map(() => 'source:edr')),
    utf8ByteaArray(streamIds.map(() => JSON.stringify(data))),
  ];
}
