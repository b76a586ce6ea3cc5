import { randomUUID } from 'node:crypto';
import type { DeviceQuery } from '@quell/contracts/device-query';
import type { JobDto } from '@quell/contracts/job';
import { createPool } from '@quell/service-kit/database';
import { createLog } from '@quell/service-kit/log';
import { eventually } from '@quell/testing/eventually';
import type pg from 'pg';
import { fixTargets } from '../src/bulk/targets.ts';
import type { DeviceCommand } from '../src/device/decide.ts';
import { changeDevices } from '../src/device-store/change-devices.ts';
import { type JobsReplica, startReplica } from './jobs-replica.fixture.ts';
import { type RunningRegistry, startRegistry } from './running-registry.fixture.ts';

let registry: RunningRegistry;
let pool: pg.Pool;
let replica: JobsReplica | undefined;
beforeAll(async () => {
  registry = await startRegistry();
  pool = createPool({ connectionString: registry.database.url, max: 2 }, createLog('test', 'silent'));
});
afterEach(async () => {
  await replica?.stop();
  replica = undefined;
});
afterAll(async () => {
  await pool.end();
  await registry.stop();
});

const envelope = () => ({ actor: 'test', correlationId: randomUUID(), occurredAt: new Date() });

/** Devices of a group of their own, with numbers from 0. */
async function someDevices(count: number, facts: (n: number) => object = () => ({})): Promise<string> {
  const group = randomUUID();
  const changes = Array.from({ length: count }, (_, n) => ({
    deviceId: `${group}-${String(n).padStart(4, '0')}`,
    command: { kind: 'bring' as const, facts: { group, label: `Room ${n}`, ...facts(n) }, source: 'import' as const },
    causeId: randomUUID(),
  }));
  await changeDevices(pool, changes, envelope());
  return group;
}

const everything: DeviceQuery = { q: '', feature: [], match: 'all', group: [], platform: [], model: [], tag: [] };
const bulk = (body: object) => registry.call('POST', '/v1/devices/bulk', body);
const job = async (id: string): Promise<JobDto> => (await registry.call('GET', `/v1/devices/jobs/${id}`)).body;
const ended = (id: string) =>
  eventually(async () => {
    const now = await job(id);
    return now.finishedAt !== undefined && now;
  });

async function values(group: string, column: string): Promise<unknown[]> {
  const { rows } = await registry.db.query(
    `SELECT ${column} AS value FROM device_registry.device WHERE id LIKE $1 || '%' ORDER BY id`,
    [group],
  );
  return rows.map(({ value }) => value);
}

test('a preview counts and shows before and after, and changes nothing; the job then does what it showed', async () => {
  const group = await someDevices(30, (n) => ({ tags: n % 3 === 0 ? ['checked'] : ['new'] }));
  const request = { query: { group: [group] }, action: { type: 'tag', add: ['checked'], remove: ['new'] } };
  const preview = await bulk({ ...request, preview: true });
  expect(preview.status).toBe(200);
  expect(preview.body).toMatchObject({ count: 30, unchanged: 10, failing: 0 });
  expect(preview.body.examples).toHaveLength(10);
  expect(preview.body.examples[0]).toEqual({ id: `${group}-0001`, field: 'tags', before: ['new'], after: ['checked'] });
  expect(new Set((await values(group, 'tags')).map(String))).toEqual(new Set(['checked', 'new']));

  const answer = await bulk({ ...request, expectedCount: preview.body.count });
  expect(answer.status).toBe(202);
  expect(answer.headers.get('location')).toBe(`/v1/devices/jobs/${answer.body.id}`);
  replica = startReplica(registry.database.url);
  expect(await ended(answer.body.id)).toMatchObject({
    kind: 'device-bulk',
    state: 'succeeded',
    progress: { done: 30, total: 30, failed: 0 },
    result: { changed: 20, unchanged: 10, skipped: 0, position: expect.stringMatching(/^\d+-\d+$/) },
    createdBy: expect.stringMatching(/^key:/),
  });
  expect(new Set((await values(group, 'tags')).map(String))).toEqual(new Set(['checked']));
});

test('a bulk request that comes again under its Idempotency-Key makes no second job, also when it was done; another body under it is refused', async () => {
  const group = await someDevices(3);
  const request = {
    query: { group: [group], q: 'room' },
    action: { type: 'relabel', template: '{label}!' },
    expectedCount: 3,
  };
  const send = (body: object, key: string) =>
    registry.call('POST', '/v1/devices/bulk', body, { 'idempotency-key': key });
  const key = randomUUID();
  const racing = await Promise.all([send(request, key), send(request, key), send(request, key)]);
  expect(new Set(racing.map(({ status, body }) => `${status} ${body.id}`)).size).toBe(1);
  replica = startReplica(registry.database.url);
  await ended(racing[0]!.body.id);
  // By now the query means the same devices with other labels: a second job would relabel them again.
  await changeDevices(
    pool,
    [{ deviceId: `${group}-0000`, command: { kind: 'retire' }, causeId: randomUUID() }],
    envelope(),
  );
  const again = await send(request, key);
  expect([again.status, again.body.id, again.body.state]).toEqual([202, racing[0]!.body.id, 'succeeded']);
  expect(await values(group, 'label')).toEqual(['Room 0!', 'Room 1!', 'Room 2!']);
  expect((await send({ ...request, expectedCount: 2 }, key)).status).toBe(422);
  expect((await send({ ...request, expectedCount: 2 }, randomUUID())).body.id).not.toBe(racing[0]!.body.id);
  expect((await send(request, 'x'.repeat(257))).status).toBe(400);
});

test('a preview names devices that it cannot be done to, and why', async () => {
  const group = await someDevices(15, (n) => ({ model: n < 12 ? 'm'.repeat(128) : '' }));
  const action = { type: 'relabel', template: '{model}{model}{id}' };
  const { body } = await bulk({ query: { group: [group] }, action, preview: true });
  expect([body.count, body.failing, body.failures.length]).toEqual([15, 12, 10]);
  expect(body.failures[0]).toEqual({ id: `${group}-0000`, detail: expect.stringContaining('too long') });
});

test('a replica that was taken for dead and goes on selecting does no harm to the selection of the one that took over', async () => {
  const group = await someDevices(5);
  const { body } = await bulk({ query: { group: [group] }, action: { type: 'tag', add: ['done'], remove: [] } });
  // The stalled replica comes back with its own look for devices, of which there are none by then.
  const stalled = () =>
    fixTargets({ pool, longReads: pool }, body.id, { ...everything, group: ['none'] }, new AbortController().signal);
  replica = startReplica(registry.database.url, (kind) => ({
    ...kind,
    step: async (running, signal) => {
      const step = await kind.step(running, signal);
      if (running.checkpoint === undefined) await stalled();
      return step;
    },
  }));
  expect(await ended(body.id)).toMatchObject({ state: 'succeeded', result: { changed: 5, unchanged: 0, skipped: 0 } });
});

test('a replica that knows of no selections may begin a job, and may have gone on with one, during an upgrade', async () => {
  const group = await someDevices(4);
  const ids = [0, 1, 2, 3].map((n) => `${group}-000${n}`);
  const action = { type: 'tag', add: ['done'], remove: [] };
  const begun = (await bulk({ query: { group: [group] }, action })).body.id;
  const continued = (await bulk({ query: { group: [group] }, action: { ...action, add: ['twice'] } })).body.id;
  const keep = 'INSERT INTO device_registry.bulk_target (job_id, n, device_ids) VALUES ($1, $2, $3)';
  await pool.query(keep, [begun, 0, ids.slice(0, 2)]);
  await pool.query(keep, [begun, 1, ids.slice(2)]);
  await expect(pool.query(keep, [begun, 1, ids])).rejects.toThrow('duplicate key');
  await fixTargets({ pool, longReads: pool }, continued, { ...everything, group: [group] }, AbortSignal.any([]));
  const result = { changed: 0, unchanged: 0, skipped: 0 };
  await pool.query(
    `UPDATE device_registry.job SET checkpoint = $2, progress = '{"done": 0, "total": 4, "failed": 0}' WHERE id = ANY ($1)`,
    [[begun, continued], JSON.stringify({ part: 0, at: 0, result })],
  );
  replica = startReplica(registry.database.url);
  for (const id of [begun, continued]) {
    expect(await ended(id)).toMatchObject({ state: 'succeeded', result: { changed: 4, unchanged: 0, skipped: 0 } });
  }
  expect(new Set((await values(group, 'tags')).map(String))).toEqual(new Set(['done,twice']));
});

test('devices are relabelled from a template, moved and retired; what cannot be done to one is listed and holds up no other', async () => {
  const group = await someDevices(5, (n) => ({ model: n === 2 ? 'm'.repeat(128) : 'nPP16 D' }));
  const query = { group: [group] };
  const template = `${'{model}'.repeat(2)} {label}${'!'.repeat(20)}`;
  const { body } = await bulk({ query, action: { type: 'relabel', template } });
  replica = startReplica(registry.database.url);
  expect(await ended(body.id)).toMatchObject({
    state: 'succeeded',
    progress: { done: 5, failed: 1 },
    result: { changed: 4, unchanged: 0, skipped: 0 },
  });
  expect((await registry.call('GET', `/v1/devices/jobs/${body.id}/errors`)).body.items).toEqual([
    { id: `${group}-0002`, detail: expect.stringContaining('too long') },
  ]);
  expect((await values(group, 'label')).slice(0, 2)).toEqual([
    `nPP16 DnPP16 D Room 0${'!'.repeat(20)}`,
    `nPP16 DnPP16 D Room 1${'!'.repeat(20)}`,
  ]);

  // Not by `room 1`: a part of the random group may begin with a 1.
  const moved = await bulk({ query: { ...query, q: `${group}-0001` }, action: { type: 'move', group: null } });
  expect((await ended(moved.body.id)).result).toMatchObject({ changed: 1 });
  const retired = await bulk({ query, action: { type: 'retire', reason: 'sold' } });
  expect((await ended(retired.body.id)).result).toMatchObject({ changed: 4 });
  expect((await values(group, 'retired_at')).filter((at) => at === null)).toHaveLength(1);
  const history = (await registry.call('GET', `/v1/devices/${group}-0000/history`)).body.items;
  expect(history.at(-1)).toMatchObject({
    type: 'DeviceRetired',
    data: { reason: 'sold' },
    correlationId: retired.body.id,
  });
});

test('every device needs to be asked for by name, and a count that is another one now is refused', async () => {
  const group = await someDevices(3);
  const action = { type: 'move', group: 'elsewhere' };
  const empty = await bulk({ query: { q: ' ' }, action });
  expect([empty.status, empty.body.errors]).toEqual([
    400,
    [{ pointer: '/query', detail: expect.stringContaining('"all": true') }],
  ]);
  expect((await bulk({ query: {}, all: true, action, preview: true })).body.count).toBeGreaterThanOrEqual(3);
  // A word without letters and digits means no device, not all of them.
  expect((await bulk({ query: { q: '-' }, action, preview: true })).body).toMatchObject({ count: 0 });
  const counted = await bulk({ query: { group: [group] }, action, expectedCount: 2 });
  expect([counted.status, counted.body.detail]).toEqual([409, expect.stringContaining('means 3 devices, not 2')]);
  const template = await bulk({ query: { group: [group] }, action: { type: 'relabel', template: '{colour}' } });
  expect([template.status, template.body.errors[0].pointer]).toEqual([400, '/action/template']);
  for (const wrong of [{ type: 'relabel' }, { type: 'tag' }, { type: 'explode' }, { type: 'move' }]) {
    expect((await bulk({ query: { group: [group] }, action: wrong })).status).toBe(400);
  }
  expect(await values(group, 'group_name')).toEqual([group, group, group]);
});

test('previews beyond a few at once are told to come again, and one whose caller has left gives its place back', async () => {
  const group = await someDevices(300);
  const body = { query: { group: [group] }, action: { type: 'tag', add: ['x'], remove: [] }, preview: true };
  const lock = await pool.connect();
  await lock.query('BEGIN; LOCK TABLE device_registry.device IN ACCESS EXCLUSIVE MODE');
  const headers = {
    authorization: `Bearer ${await registry.keyWith(['devices:write'])}`,
    'content-type': 'application/json',
  };
  const leaving = new AbortController();
  const preview = () =>
    fetch(`${registry.service.url}/v1/devices/bulk`, {
      method: 'POST',
      headers,
      body: JSON.stringify(body),
      signal: leaving.signal,
    });
  const answered: Response[] = [];
  // The first two to come are held, whichever they are.
  const all = [1, 2, 3].map(async () => answered.push(await preview()));
  try {
    await eventually(() => answered.length > 0);
    expect(answered.map((answer) => [answer.status, answer.headers.get('retry-after')])).toEqual([[503, '5']]);
  } finally {
    leaving.abort();
    await Promise.allSettled(all);
    await lock.query('ROLLBACK');
    lock.release();
  }
  await eventually(async () => (await bulk(body)).status === 200);
});

test('a count that changes between the call and the start of the job ends the job before it does anything', async () => {
  const group = await someDevices(3);
  const action = { type: 'move', group: 'elsewhere' };
  const { body } = await bulk({ query: { group: [group] }, action, expectedCount: 3 });
  const extra = { group, label: 'late' };
  await changeDevices(
    pool,
    [{ deviceId: `${group}-late`, command: { kind: 'bring', facts: extra, source: 'import' }, causeId: randomUUID() }],
    envelope(),
  );
  replica = startReplica(registry.database.url);
  expect(await ended(body.id)).toMatchObject({
    state: 'failed',
    error: expect.stringContaining('4 devices by now, not 3'),
  });
  expect(new Set(await values(group, 'group_name'))).toEqual(new Set([group]));
});

test('the devices are those that matched at the start; one that stopped matching is left alone, one that came later too', async () => {
  const group = await someDevices(500, () => ({ tags: ['old'] }));
  const { body } = await bulk({ query: { tag: ['old'], group: [group] }, action: { type: 'move', group: 'archive' } });
  const last = `${group}-0499`;
  let isDone = false;
  replica = startReplica(registry.database.url, (kind) => ({
    ...kind,
    step: async (running, signal) => {
      if (running.checkpoint !== undefined && !isDone) {
        isDone = true;
        const untag: DeviceCommand = { kind: 'tag', add: [], remove: ['old'] };
        const late: DeviceCommand = { kind: 'bring', facts: { group, tags: ['old'] }, source: 'import' };
        const changes = [
          { deviceId: last, command: untag, causeId: randomUUID() },
          { deviceId: `${group}-late`, command: late, causeId: randomUUID() },
        ];
        await changeDevices(pool, changes, envelope());
      }
      return kind.step(running, signal);
    },
  }));
  expect(await ended(body.id)).toMatchObject({
    state: 'succeeded',
    progress: { done: 500, total: 500 },
    result: { changed: 499, unchanged: 0, skipped: 1 },
  });
  const groups = await values(group, 'group_name');
  expect([groups.length, new Set(groups.slice(0, 499)), groups.slice(499)]).toEqual([
    501,
    new Set(['archive']),
    [group, group],
  ]);
});
