import { eventually } from '@quell/testing/eventually';
import { append } from './append.ts';
import type { StoredEvent } from './event.ts';
import { feedStart, readFeed } from './feed.ts';
import type { FreshStore } from './fresh-store.fixture.ts';
import type { Queryable } from './load.ts';
import type { Projection } from './projection.ts';
import { someEvents } from './some-event.fixture.ts';

/** A projection that writes one row per event into `effect`, in the order it is given them. */
export async function countingProjection(
  store: FreshStore,
  before: (events: readonly StoredEvent[], client: Queryable) => unknown = () => undefined,
): Promise<Projection> {
  await store.pool.query(
    'CREATE TABLE effect (number bigint GENERATED ALWAYS AS IDENTITY, id uuid, stream_id uuid, version int, data text)',
  );
  return {
    name: 'counting',
    version: 1,
    schema: store.schema,
    async handle(client, events) {
      await before(events, client);
      for (const { id, streamId, version, data } of events) {
        await client.query('INSERT INTO effect (id, stream_id, version, data) VALUES ($1, $2, $3, $4)', [
          id,
          streamId,
          version,
          JSON.stringify(data),
        ]);
      }
    },
  };
}

export interface EffectRow {
  readonly id: string;
  readonly streamId: string;
  readonly version: number;
  readonly data: string;
}

/** The rows that `countingProjection` has committed, in order. */
export async function effects({ pool }: FreshStore): Promise<EffectRow[]> {
  const { rows } = await pool.query('SELECT id, stream_id AS "streamId", version, data FROM effect ORDER BY number');
  return rows;
}

/** Appends so many events to a stream, one transaction each. */
export async function appendEach(store: FreshStore, streamId: string, count: number, from = 0): Promise<void> {
  for (let version = from; version < from + count; version++) {
    await append(store.pool as unknown as Parameters<typeof append>[0], store.schema, [
      { streamId, expectedVersion: version, events: someEvents(1) },
    ]);
  }
}

/** Resolves when the gate lets so many events through: others write in the same cluster. */
export async function visible(store: FreshStore, count: number): Promise<void> {
  await eventually(async () => (await readFeed(store.pool, store.schema, feedStart, count)).length === count);
}
