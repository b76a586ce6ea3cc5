import type { FeedCursor } from '@quell/event-store/feed';
import { eventually } from '@quell/testing/eventually';
import fc from 'fast-check';
import pg from 'pg';
import { type TestDatabase, testDatabase } from '../../database/test-database.fixture.ts';
import type { IndexedDevice } from '../index/indexed-device.ts';
import { devicesAt, someChanges, write } from '../registry.fixture.ts';
import { indexedDevice, listOf } from './indexed-device.ts';
import { readSeen } from './last-seen.ts';
import { readSnapshot, type Snapshot } from './snapshot.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await testDatabase();
});
afterAll(() => database?.drop());

async function connected(): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: database.fresh.url });
  await client.connect();
  return client;
}

async function snapshot(): Promise<Snapshot & { readonly devices: IndexedDevice[] }> {
  const client = await connected();
  let begun: Snapshot | undefined;
  const devices: IndexedDevice[] = [];
  await readSnapshot(
    client,
    (snapshot) => {
      begun = snapshot;
    },
    (part) => devices.push(...part),
  );
  await client.end();
  return { ...begun!, devices: devices.sort((a, b) => (a.id < b.id ? -1 : 1)) };
}

const naive = async (position: FeedCursor) =>
  [...(await devicesAt(database.pool, position)).values()]
    .map((device) => indexedDevice(device))
    .sort((a, b) => (a.id < b.id ? -1 : 1));

test('a snapshot is the registry at its position exactly, however far the rows are ahead of the feed', async () => {
  const first = await write(database.pool, someChanges(60, 1));
  await eventually(async () => (await snapshot()).position.position === first.position);
  const writer = await connected();
  await writer.query('BEGIN; SELECT pg_current_xact_id()');
  const ahead = await write(database.pool, someChanges(120, 2));

  const held = await snapshot();
  expect(held.position).toEqual(first);
  expect(held.devices).toEqual(await naive(first));

  await writer.query('ROLLBACK');
  await writer.end();
  const after = await eventually(async () => {
    const one = await snapshot();
    return one.position.position === ahead.position && one;
  });
  expect(after.devices).toEqual(await naive(ahead));
  expect(after.devices).not.toEqual(held.devices);
});

test('a snapshot of an empty registry stands at the start of the feed', async () => {
  const empty = await testDatabase();
  const client = new pg.Client({ connectionString: empty.fresh.url });
  await client.connect();
  const begun: Snapshot[] = [];
  await readSnapshot(
    client,
    (one) => begun.push(one),
    () => expect('a device').toBe('absent'),
  );
  await client.end();
  await empty.drop();
  expect(begun).toMatchObject([{ position: { txid: 0n, position: 0n } }]);
});

test('every time of last contact is read once, also one whose transaction was open when the mark was set', async () => {
  const note = (id: string) =>
    `INSERT INTO device_registry.device_seen (device_id, last_seen_at, noted_at) VALUES ('${id}', '2026-01-01', clock_timestamp())
     ON CONFLICT (device_id) DO UPDATE SET last_seen_at = excluded.last_seen_at + interval '1 day', noted_at = clock_timestamp()`;
  const [open, other] = [await connected(), await connected()];
  await other.query(note('before'));
  await open.query(`BEGIN; ${note('open')}`);
  const { seen: mark } = await snapshot();
  await other.query(note('after'));
  const first = await readSeen(database.pool, mark);
  expect(first.seen.map(({ id }) => id)).toEqual(['after']);
  await open.query('COMMIT');
  await other.query(note('before'));
  const second = await readSeen(database.pool, first.mark);
  expect(second.seen.map(({ id }) => id).sort()).toEqual(['before', 'open']);
  expect(second.seen.find(({ id }) => id === 'before')?.lastSeenAt).toBe(Date.parse('2026-01-02T00:00:00Z'));
  expect((await readSeen(database.pool, second.mark)).seen).toEqual([]);
  await Promise.all([open.end(), other.end()]);
});

test('lists are read as Postgres writes them, whatever is in them', async () => {
  const awkward = fc.constantFrom(
    '',
    ' ',
    'NULL',
    'null',
    '{',
    '}',
    '{}',
    ',',
    '"',
    '\\',
    '\\"',
    'a b',
    'a,b',
    '\n',
    'é',
    '👩‍🔧',
    "'",
  );
  const value = fc.oneof(
    awkward,
    fc.string({ unit: 'binary' }).map((text) => text.replaceAll('\0', '').toWellFormed()),
  );
  const lists = fc.sample(fc.array(value, { maxLength: 6 }), 300);
  const { rows } = await database.pool.query<{ text: string }>(
    'SELECT (SELECT coalesce(array_agg(e ORDER BY n), $2) FROM json_array_elements_text(list) WITH ORDINALITY AS x (e, n))::text AS text FROM json_array_elements($1::json) AS l (list)',
    [JSON.stringify(lists), []],
  );
  expect(rows.map(({ text }) => listOf(text))).toEqual(lists);
});
