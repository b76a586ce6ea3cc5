import { anyDevice } from '@quell/device-query/device.arbitrary';
import type { FeedCursor } from '@quell/event-store/feed';
import { eventually } from '@quell/testing/eventually';
import fc from 'fast-check';
import pg from 'pg';
import { to as copyTo } from 'pg-copy-streams';
import { type TestDatabase, testDatabase } from '../../database/test-database.fixture.ts';
import { SegmentBuilder } from '../index/build-segment.ts';
import type { IndexedDevice } from '../index/indexed-device.ts';
import { SegmentReader } from '../index/segment-reader.ts';
import { devicesAt, someChanges, write } from '../registry.fixture.ts';
import { CopiedDevices, copiedColumns } from './copied-devices.ts';
import { indexedDevice, listOf } from './indexed-device.ts';
import { readSeen } from './last-seen.ts';
import { readSnapshot, type Snapshot } from './snapshot.ts';

const odd = fc.constantFrom(
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
/** Texts that are easily misread. */
const awkward = fc.oneof(
  odd,
  fc.string({ unit: 'binary' }).map((text) => text.replaceAll('\0', '').toWellFormed()),
);

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
  const builder = new SegmentBuilder();
  const begun = await readSnapshot(client, builder);
  await client.end();
  return { ...begun, devices: devicesOf(builder) };
}

function devicesOf(builder: SegmentBuilder): IndexedDevice[] {
  const reader = new SegmentReader(builder.finish());
  const devices = Array.from({ length: reader.segment.count }, (_, doc) => reader.device(doc));
  return devices.sort((a, b) => (a.id < b.id ? -1 : 1));
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
  const builder = new SegmentBuilder();
  const begun = await readSnapshot(client, builder);
  await client.end();
  await empty.drop();
  expect(begun).toMatchObject({ position: { txid: 0n, position: 0n } });
  expect(devicesOf(builder)).toEqual([]);
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

test('devices are copied as they stand, whatever is in their texts and however their bytes are cut', async () => {
  const client = await connected();
  const texts = fc.array(awkward, { maxLength: 3 });
  const device = fc.record({ device: anyDevice, label: awkward, hostnames: texts, tags: texts, seen: fc.boolean() });
  const devices = fc
    .sample(device, { numRuns: 300, seed: 5 })
    .map(({ device: { platform, group, ...any }, seen, ...own }, n) => ({
      ...any,
      ...own,
      id: `${any.id} ${n}`,
      version: n + 1,
      ...(platform === undefined ? {} : { platform }),
      ...(group === undefined || group === '' ? {} : { group }),
      ...(n % 3 === 0 ? { agentId: `agent ${n}` } : {}),
      ...(seen ? { lastSeenAt: 1_790_000_000_123 + n } : {}),
    }));
  const rows = devices.map(({ group, agentId, lastSeenAt, ...rest }) => ({
    ...rest,
    group_name: group,
    agent_id: agentId,
    seen: lastSeenAt,
  }));
  const columns =
    'label text, hostnames text[], ips text[], macs text[], tags text[], agent_id text, model text, capabilities text[], platform text, group_name text, version int, seen bigint';
  const copy = `COPY (WITH d AS (SELECT * FROM json_to_recordset(${client.escapeLiteral(JSON.stringify(rows))}::json) AS d (id text, ${columns}))
    SELECT ${copiedColumns} FROM d LEFT JOIN (SELECT id, to_timestamp(seen / 1000.0) AS last_seen_at FROM d) AS s ON s.id = d.id) TO STDOUT (FORMAT binary)`;
  const bytes = Buffer.concat(await client.query(copyTo(copy)).toArray());
  await client.end();
  for (const size of [1, 7, 1000, bytes.length]) {
    const builder = new SegmentBuilder();
    const copied = new CopiedDevices(builder);
    for (let at = 0; at < bytes.length; at += size) copied.take(bytes.subarray(at, at + size));
    copied.finish();
    expect(devicesOf(builder)).toEqual(devices.toSorted((a, b) => (a.id < b.id ? -1 : 1)));
  }
  const broken = new CopiedDevices(new SegmentBuilder());
  broken.take(bytes.subarray(0, bytes.length - 2));
  expect(() => broken.finish()).toThrow('broke off');
});

test('lists are read as Postgres writes them, whatever is in them', async () => {
  const lists = fc.sample(fc.array(awkward, { maxLength: 6 }), 300);
  const { rows } = await database.pool.query<{ text: string }>(
    'SELECT (SELECT coalesce(array_agg(e ORDER BY n), $2) FROM json_array_elements_text(list) WITH ORDINALITY AS x (e, n))::text AS text FROM json_array_elements($1::json) AS l (list)',
    [JSON.stringify(lists), []],
  );
  expect(rows.map(({ text }) => listOf(text))).toEqual(lists);
});
