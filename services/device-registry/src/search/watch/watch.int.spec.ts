import { randomUUID } from 'node:crypto';
import { anyQuery } from '@quell/device-query/device.arbitrary';
import { matchesDevice } from '@quell/device-query/match';
import { type FeedCursor, feedStart, readFeed } from '@quell/event-store/feed';
import { newApiKey } from '@quell/service-kit/api-key';
import { eventually } from '@quell/testing/eventually';
import fc from 'fast-check';
import { SCHEMA } from '../../database/schema.ts';
import { type Device, identityOf } from '../../device/device.ts';
import { evolve } from '../../device/evolve.ts';
import { positionText } from '../../device-store/position.ts';
import { recordedEvent } from '../../device-store/stream.ts';
import { parametersOf } from '../query-path.fixture.ts';
import { devicesAt, someChanges, write } from '../registry.fixture.ts';
import { type Replica, type SearchScene, searchScene } from '../replica.fixture.ts';
import { type Watching, watching } from './watching.fixture.ts';

let scene: SearchScene;
let one: Replica;
let two: Replica;
let other: Replica;
beforeAll(async () => {
  scene = await searchScene();
  await write(scene.database.pool, someChanges(60, 31));
  one = await scene.replica({ QUELL_WATCH_HEARTBEAT_SECONDS: '0.05' });
  two = await scene.replica({ QUELL_WATCH_HEARTBEAT_SECONDS: '0.05' });
  other = await scene.replica({ QUELL_WATCH_REPLAY_EVENTS: '30', QUELL_WATCHES: '3' });
  await Promise.all([one.ready(), two.ready(), other.ready()]);
});
afterAll(() => scene?.drop());

const watch = (replica: Replica, parameters: string, lastEventId?: string) =>
  watching(replica, scene.key, parameters, lastEventId);
const reached = (client: Watching, position: FeedCursor) =>
  eventually(() => client.lastId !== undefined && at(client.lastId) >= position.position);
const at = (id: string) => BigInt(id.split('-')[1] ?? 0);
const lines = (client: Watching) =>
  client.told
    .filter(({ name }) => name !== 'snapshot')
    .map(({ name, id, data }) => `${id} ${name} ${data.id ?? data.device.id}`);

/** What a watch of a query has to tell of every event up to a position, one after the other. */
async function naiveLines(query: Parameters<typeof matchesDevice>[0], until: FeedCursor): Promise<string[]> {
  const devices = new Map<string, Device>();
  const told: string[] = [];
  const is = (device: Device | undefined) =>
    device?.state === 'active' && matchesDevice(query, { ...device, ...identityOf(device) });
  const events = await eventually(async () => {
    const all = await readFeed(scene.database.pool, SCHEMA, feedStart, 100_000);
    return all.some(({ position }) => position === until.position) && all;
  });
  for (const event of events) {
    const before = devices.get(event.streamId);
    const after = evolve(before, recordedEvent(event));
    devices.set(event.streamId, after);
    const name = is(after) ? (is(before) ? 'changed' : 'entered') : is(before) ? 'left' : undefined;
    if (name !== undefined) told.push(`${positionText(event)} ${name} ${after.id}`);
  }
  return told;
}

test('watches tell every device that enters, changes in and leaves their query, whenever they began and however often they resumed', async () => {
  const queries = [
    ...fc.sample(anyQuery, { numRuns: 12, seed: 3 }),
    ...['', 'n', 'room', 'npp16'].map((q) => ({
      q,
      feature: [],
      match: 'all' as const,
      group: [],
      platform: [],
      model: [],
      tag: [],
    })),
  ];
  const first = await write(scene.database.pool, someChanges(5, 32));
  await one.reached(first);
  const clients = await Promise.all(queries.map((query) => watch(one, parametersOf(query))));
  const began = await devicesAt(scene.database.pool, first);
  for (const [index, query] of queries.entries()) {
    const snapshot = await eventually(() => clients[index]?.told[0]);
    expect(snapshot.name).toBe('snapshot');
    expect(snapshot.data).toEqual({
      position: positionText(first),
      count: [...began.values()].filter((device) => matchesDevice(query, { ...device, ...identityOf(device) })).length,
    });
  }
  // Clients go at any moment and resume; what they have heard of stays.
  const writing = write(scene.database.pool, someChanges(150, 33), 4);
  const heard = await Promise.all(
    queries.map(async (query, index) => {
      const client = clients[index]!;
      if (index % 2 === 0) return [client];
      await eventually(() => client.lastId !== undefined && at(client.lastId) > first.position + BigInt(index));
      client.close();
      await client.ended;
      // Another replica may be behind or ahead of the one that told so far.
      return [client, await watch(index % 4 === 1 ? two : one, parametersOf(query), client.lastId)];
    }),
  );
  const last = await writing;
  for (const [index, query] of queries.entries()) {
    const parts = heard[index]!;
    await reached(parts.at(-1)!, last);
    const wanted = (await naiveLines(query, last)).filter((line) => at(line.split(' ')[0]!) > first.position);
    expect([query, parts.flatMap(lines)]).toEqual([query, wanted]);
    for (const part of parts) part.close();
  }
  expect(heard.flat().flatMap(lines).length).toBeGreaterThan(100);
}, 120_000);

test('a watch that resumes from far back, or from nowhere, is reset, with what to do, and goes on', async () => {
  const back = await write(scene.database.pool, someChanges(2, 41));
  const now = await write(scene.database.pool, someChanges(80, 42));
  await other.reached(now);
  for (const lastEventId of [positionText(back), '1-1', `${now.txid}-999999999`]) {
    const client = await watch(other, '', lastEventId);
    const [reset, snapshot] = await eventually(() => client.told.length >= 2 && client.told);
    expect(reset).toMatchObject({ name: 'reset', data: { cure: expect.stringContaining('GET /v1/devices') } });
    expect(snapshot).toMatchObject({ name: 'snapshot', id: positionText(now) });
    client.close();
    await client.ended;
  }
});

test('a Last-Event-ID that is none, and one watch more than a replica takes, are refused', async () => {
  const refused = await one.get<{ errors: object[] }>('/v1/devices/watch', { headers: { 'last-event-id': 'x' } });
  expect(refused).toMatchObject({ status: 400, body: { errors: [{ pointer: '/last-event-id' }] } });
  const open: Watching[] = [];
  const full = await eventually(async () => {
    const tried = await watch(other, '').catch((error: Error) => error.message);
    if (typeof tried === 'string') return tried;
    open.push(tried);
    return false;
  });
  expect(full).toContain('503');
  expect(open.length).toBe(3);
  for (const client of open) client.close();
});

test('a client that does not read is cut off, and nobody else notices', async () => {
  const reader = await watch(one, 'q=slow');
  const controller = new AbortController();
  const headers = { authorization: `Bearer ${scene.key}` };
  const deaf = await fetch(`${one.service.url}/v1/devices/watch?q=slow`, { headers, signal: controller.signal });
  const stream = deaf.body!.getReader();
  let position = feedStart;
  // Each change tells about 4 kB; a megabyte may wait here, and some more in the sockets.
  const tags = Array.from({ length: 64 }, (_, index) => `${index}`.padStart(64, 'x'));
  for (let round = 0; round < 20; round++) {
    const changes = Array.from({ length: 100 }, (_, n) => ({
      deviceId: `slow-${n}`,
      causeId: `30000000-0000-4000-8000-${String(round).padStart(12, '0')}`,
      command: { kind: 'bring', facts: { label: `slow ${round}`, tags }, source: 'api' } as const,
    }));
    position = await write(scene.database.pool, changes, 100);
  }
  await reached(reader, position);
  expect(reader.told.filter(({ name }) => name !== 'snapshot').length).toBeGreaterThanOrEqual(2_000);
  const end = await eventually(
    async () => {
      const { done } = await stream.read().catch(() => ({ done: true }));
      return done;
    },
    { everyMs: 0, timeoutMs: 30_000 },
  );
  expect(end).toBe(true);
  reader.close();
  controller.abort();
}, 90_000);

test('a stream ends with the credential that opened it', async () => {
  const { secret, hash } = newApiKey();
  const id = randomUUID();
  const { pool } = scene.database;
  await pool.query(`INSERT INTO auth.api_key (id, name, hash, scopes) VALUES ($1, 'short', $2, '{devices:read}')`, [
    id,
    hash,
  ]);
  const [client, stays] = [await watching(one, secret, ''), await watch(one, '')];
  await eventually(() => client.told.length > 0);
  await pool.query('UPDATE auth.api_key SET revoked_at = now() WHERE id = $1', [id]);
  await client.ended;
  const position = await write(pool, someChanges(3, 51));
  await reached(stays, position);
  stays.close();
}, 60_000);

test('a stop ends the streams at once', async () => {
  const short = await scene.replica();
  await short.ready();
  const client = await watch(short, '');
  await eventually(() => client.told.length > 0);
  await short.stop();
  await client.ended;
});
