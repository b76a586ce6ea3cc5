import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { append } from './append.ts';
import { type FreshStore, freshStore } from './fresh-store.fixture.ts';
import { load } from './load.ts';
import { someEvents } from './some-event.fixture.ts';

let store: FreshStore;
beforeAll(async () => {
  store = await freshStore();
  await store.pool.query('CREATE TABLE inbox (id int PRIMARY KEY, note text)');
  await store.pool.query(`INSERT INTO inbox VALUES (1, 'there')`);
});
afterAll(() => store.close());

async function appendAfter(first: (client: pg.Client) => Promise<unknown>, events: number): Promise<string> {
  const client = await store.connect();
  const streamId = randomUUID();
  await client.query('BEGIN');
  await first(client);
  try {
    await append(client, store.schema, [{ streamId, expectedVersion: 0, events: someEvents(events) }]);
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  }
  return streamId;
}

const writes: [string, (client: pg.Client) => Promise<unknown>][] = [
  ['an insert', (client) => client.query(`INSERT INTO inbox VALUES ((random() * 1e9)::int)`)],
  ['an update', (client) => client.query(`UPDATE inbox SET note = 'changed' WHERE id = 1`)],
  [
    'an insert that did nothing',
    (client) => client.query('INSERT INTO inbox VALUES (1) ON CONFLICT (id) DO UPDATE SET note = inbox.note'),
  ],
  ['a row lock for update', (client) => client.query('SELECT * FROM inbox WHERE id = 1 FOR UPDATE')],
  ['the weakest row lock', (client) => client.query('SELECT * FROM inbox WHERE id = 1 FOR KEY SHARE')],
  [
    'what TypeORM sends for save',
    async (client) => {
      await client.query(
        'SELECT "Inbox"."id" AS "Inbox_id", "Inbox"."note" AS "Inbox_note" FROM "inbox" "Inbox" WHERE "Inbox"."id" IN ($1)',
        [2],
      );
      await client.query('INSERT INTO "inbox"("id", "note") VALUES ($1, $2) RETURNING "id"', [
        Math.floor(Math.random() * 2 ** 30),
        'saved',
      ]);
    },
  ],
  [
    'a write undone by its savepoint',
    async (client) => {
      await client.query('SAVEPOINT before');
      await client.query(`UPDATE inbox SET note = 'undone' WHERE id = 1`);
      await client.query('ROLLBACK TO SAVEPOINT before');
    },
  ],
  ['a temporary table', (client) => client.query('CREATE TEMP TABLE made ()')],
  [
    'an append',
    (client) => append(client, store.schema, [{ streamId: randomUUID(), expectedVersion: 0, events: someEvents(1) }]),
  ],
];

describe.each([1, 2])('an append of %d events', (events) => {
  test.each(writes)('is refused after %s', async (_, write) => {
    await expect(appendAfter(write, events)).rejects.toMatchObject({
      code: 'ES001',
      hint: expect.stringContaining('Load, decide, append'),
    });
  });

  test.each<[string, string]>([
    ['reads', 'SELECT * FROM inbox'],
    ['an advisory lock of the transaction', 'SELECT pg_advisory_xact_lock(7)'],
    ['an advisory lock of the session', 'SELECT pg_advisory_lock(8), pg_advisory_unlock(8)'],
    ['a lock of a table', 'LOCK TABLE inbox IN SHARE MODE'],
    ['a setting', 'SET LOCAL transaction_timeout = 5000'],
  ])('is taken after %s', async (_, sql) => {
    const streamId = await appendAfter((client) => client.query(sql), events);
    expect((await load(store.pool, store.schema, [streamId])).get(streamId)).toHaveLength(events);
  });
});
