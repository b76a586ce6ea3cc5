import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { someChanges } from '../src/device/history.arbitrary.ts';
import { storeEarlierDevice } from '../src/device-store/earlier-device.fixture.ts';
import { type RunningRegistry, startRegistry } from './running-registry.fixture.ts';

let registry: RunningRegistry;
beforeAll(async () => {
  registry = await startRegistry();
});
afterAll(() => registry.stop());

const newId = () => `IN/${randomUUID()} ä`;
const at = (id: string, rest = '') => `/v1/devices/${encodeURIComponent(id)}${rest}`;
const call: RunningRegistry['call'] = (...request) => registry.call(...request);
const register = async (facts: object = {}) => {
  const id = newId();
  expect((await call('POST', '/v1/devices', { id, ...facts })).status).toBe(201);
  return id;
};
const position = /^\d+-\d+$/;

test('a device is registered, with its facts in their normal form, and is read as it was answered', async () => {
  const id = newId();
  const facts = { label: 'Lobby', capabilities: ['relay', 'relay'], macs: ['00-00-5E-00-53-01'], ips: ['2001:DB8::1'] };
  const answer = await call('POST', '/v1/devices', { id, ...facts });
  expect(answer).toMatchObject({
    status: 201,
    body: {
      id,
      model: '',
      label: 'Lobby',
      capabilities: ['dimming-or-relay', 'relay'],
      macs: ['00:00:5e:00:53:01'],
      ips: ['2001:db8::1'],
      tags: [],
      version: 1,
    },
  });
  expect(answer.headers.get('x-quell-position')).toMatch(position);
  expect(answer.headers.get('etag')).toBe('"1"');
  expect(answer.headers.get('location')).toBe(at(id));
  expect(await call('GET', at(id))).toMatchObject({ status: 200, body: answer.body });
});

test('a device without an id gets one, and an Idempotency-Key makes one device of its repeats', async () => {
  const headers = { 'idempotency-key': randomUUID() };
  const repeats = await Promise.all(
    Array.from({ length: 5 }, () => call('POST', '/v1/devices', { label: 'x' }, headers)),
  );
  const [{ id }] = repeats.map(({ body }) => body);
  expect(repeats.map(({ body }) => body.id)).toEqual(repeats.map(() => id));
  expect(repeats.map(({ status }) => status).sort()).toEqual([200, 200, 200, 200, 201]);
  await call('PATCH', at(id), { label: 'y' });
  expect(await call('POST', '/v1/devices', { label: 'x' }, headers)).toMatchObject({
    status: 200,
    body: { id, label: 'y' },
  });
  expect(await call('POST', '/v1/devices', { label: 'z' }, headers)).toMatchObject({ status: 422 });
  const other = await call('POST', '/v1/devices', { label: 'x' });
  expect(other.status).toBe(201);
  expect(other.body.id).not.toBe(id);
});

test('registering it again with the same facts answers the device, with others 409 and which ones', async () => {
  const id = await register({ label: 'x', tags: ['a', 'b'] });
  const again = await call('POST', '/v1/devices', { id, label: 'x', tags: ['b', 'a', 'a'] });
  expect(again).toMatchObject({ status: 200, body: { version: 1 } });
  expect(again.headers.get('x-quell-position')).toMatch(position);
  const other = await call('POST', '/v1/devices', { id, label: 'y', tags: ['b', 'a'] });
  expect(other).toMatchObject({ status: 409, body: { detail: expect.stringMatching(/another label\.$/) } });
  expect(other.headers.get('etag')).toBe('"1"');
});

test('a device cannot be registered under an id that no path can name, unless it had it before', async () => {
  for (const id of ['.', '..', 'jobs', 'unresolved-agents']) {
    const refused = await call('POST', '/v1/devices', { id });
    expect([id, refused.status, refused.body.errors]).toEqual([
      id,
      400,
      [{ pointer: '/id', detail: expect.stringMatching(/^No new device can have the id /) }],
    ]);
  }
  await storeEarlierDevice(registry.db, 'jobs', { label: 'x' });
  expect((await call('POST', '/v1/devices', { id: 'jobs', label: 'x' })).status).toBe(200);
  expect((await call('DELETE', '/v1/devices/jobs')).status).toBe(200);
  expect((await call('POST', '/v1/devices', { id: 'jobs', label: 'y' })).status).toBe(201);
});

test('a merge patch changes what it names, takes away what is null, and does nothing twice', async () => {
  const id = await register({ label: 'x', group: 'north', platform: 'linux', hostnames: ['a'] });
  const patch = { label: 'y', group: null, platform: null, hostnames: ['b', 'B.'], tags: null };
  const type = { 'content-type': 'application/merge-patch+json' };
  const answer = await call('PATCH', at(id), patch, type);
  expect(answer).toMatchObject({ status: 200, body: { label: 'y', hostnames: ['b'], tags: [], version: 4 } });
  expect(answer.body).not.toHaveProperty('group');
  expect(answer.body).not.toHaveProperty('platform');
  expect((await call('PATCH', at(id), patch)).body).toEqual(answer.body);
  const empty = await call('PATCH', at(id), {});
  expect(empty).toMatchObject({ status: 200, body: answer.body });
});

test('a write takes effect only on the version that it names', async () => {
  const id = await register();
  expect((await call('PATCH', at(id), { label: 'a' }, { 'if-match': '"1"' })).status).toBe(200);
  for (const [method, body] of [
    ['PATCH', { label: 'b' }],
    ['DELETE', undefined],
  ] as const) {
    for (const tag of ['"1"', 'W/"2"', '"x"']) {
      const refused = await call(method, at(id), body, { 'if-match': tag });
      expect([tag, refused.status]).toEqual([tag, 412]);
      expect(refused.headers.get('etag')).toBe('"2"');
      if (tag.startsWith('W/')) expect(refused.body.detail).toContain('weak ones (W/"1") never match');
    }
    const unquoted = await call(method, at(id), body, { 'if-match': '2' });
    expect([unquoted.status, unquoted.body.detail]).toEqual([400, expect.stringContaining('"2"')]);
  }
  expect((await call('PATCH', at(id), { label: 'c' }, { 'if-match': '"7", "2"' })).body).toMatchObject({ label: 'c' });
  expect((await call('PATCH', at(id), { label: 'd' }, { 'if-match': '*' })).body).toMatchObject({ label: 'd' });
  // What would be refused anyway is refused for that reason (RFC 9110, 13.2.1).
  for (const tag of ['"1"', '*']) {
    for (const method of ['PATCH', 'DELETE']) {
      const unknown = await call(method, at('never-registered'), method === 'PATCH' ? { label: 'e' } : undefined, {
        'if-match': tag,
      });
      expect([method, tag, unknown.status]).toEqual([method, tag, 404]);
    }
  }
  await call('DELETE', at(id));
  expect((await call('PATCH', at(id), { label: 'e' }, { 'if-match': '"1"' })).status).toBe(409);
});

test('who has the version gets 304', async () => {
  const id = await register();
  const fresh = await call('GET', at(id), undefined, { 'if-none-match': '"2"' });
  expect([fresh.status, fresh.headers.get('etag')]).toEqual([200, '"1"']);
  for (const tag of ['"1"', 'W/"1"', '"0", "1"', '*']) {
    const known = await call('GET', at(id), undefined, { 'if-none-match': tag });
    expect([known.status, known.headers.get('etag'), known.body]).toEqual([304, '"1"', undefined]);
  }
});

test('a retired device stays to be read, refuses changes, and comes back with new facts', async () => {
  const id = await register({ label: 'x', group: 'north' });
  const retired = await call('DELETE', `${at(id)}?reason=sold`);
  expect(retired).toMatchObject({ status: 200, body: { version: 2, retiredAt: expect.any(String) } });
  expect((await call('DELETE', at(id))).body).toEqual(retired.body);
  expect((await call('GET', at(id))).body).toEqual(retired.body);
  expect(await call('PATCH', at(id), { label: 'y' })).toMatchObject({ status: 409 });
  const back = await call('POST', '/v1/devices', { id, label: 'z' });
  expect(back).toMatchObject({ status: 201, body: { label: 'z', version: 3 } });
  expect(back.body).not.toHaveProperty('group');
  expect(back.body).not.toHaveProperty('retiredAt');
  const history = await call('GET', at(id, '/history'));
  expect(
    history.body.items.map(({ type, data }: { type: string; data: { reason?: string } }) => [type, data.reason]),
  ).toEqual([
    ['DeviceRegistered', undefined],
    ['DeviceRetired', 'sold'],
    ['DeviceRegistered', undefined],
  ]);
});

test('what does not fit is refused by its place, and what is not there is not found', async () => {
  const bad = await call('POST', '/v1/devices', { macs: ['00:11'], capabilities: ['laser'], colour: 'red' });
  expect(bad.status).toBe(400);
  const pointers = bad.body.errors.map(({ pointer }: { pointer: string }) => pointer).sort();
  expect(pointers).toEqual(['/capabilities/0', '/colour', '/macs/0']);
  expect(await call('PATCH', at('no-such'), { label: 'x' })).toMatchObject({ status: 404 });
  expect(await call('DELETE', at('no-such'))).toMatchObject({ status: 404 });
  expect(await call('GET', at('no-such'))).toMatchObject({ status: 404 });
  expect(await call('GET', at('no-such', '/history'))).toMatchObject({ status: 404 });
  expect(await call('GET', at('x'.repeat(129)))).toMatchObject({ status: 400 });
  const id = await register();
  expect(await call('GET', `${at(id)}?asOf=2000-01-01T00:00:00Z`)).toMatchObject({ status: 404 });
  expect(await call('GET', `${at(id)}?asof=2000-01-01T00:00:00Z`)).toMatchObject({ status: 400 });
  expect(await call('GET', `${at(id, '/history')}?cursor=zzz`)).toMatchObject({ status: 400 });
});

test('an id of the longest kind that people may print is a place of its own', async () => {
  const id = '設'.repeat(128);
  expect((await call('POST', '/v1/devices', { id })).status).toBe(201);
  expect(await call('GET', at(id))).toMatchObject({ status: 200, body: { id } });
});

test('as of every recorded moment a device is what its events up to then tell', async () => {
  const id = await register({ label: 'start' });
  const answers = new Map<number, object>();
  const note = ({ body }: { body: { version: number } }) => answers.set(body.version, body);
  note(await call('GET', at(id)));
  for (const changes of fc.sample(someChanges, 12)) note(await call('PATCH', at(id), changes));
  note(await call('DELETE', at(id)));

  const items: { version: number; recordedAt: string }[] = [];
  for (let cursor: string | undefined; ; ) {
    const page = await call('GET', at(id, `/history?limit=3${cursor === undefined ? '' : `&cursor=${cursor}`}`));
    expect(page.body.items.length).toBeLessThanOrEqual(3);
    items.push(...page.body.items);
    cursor = page.body.nextCursor;
    if (cursor === undefined) break;
  }
  expect(items.map(({ version }) => version)).toEqual(items.map((_, index) => index + 1));
  expect(items.length).toBeGreaterThan(8);
  for (const { recordedAt } of items) {
    const lastThen = items.findLast((item) => Date.parse(item.recordedAt) <= Date.parse(recordedAt))!;
    const then = await call('GET', `${at(id)}?asOf=${encodeURIComponent(recordedAt)}`);
    expect([recordedAt, then.body]).toEqual([recordedAt, answers.get(lastThen.version)]);
    expect(then.headers.get('etag')).toBe(`"${lastThen.version}"`);
    const before = new Date(Date.parse(recordedAt) - 1).toISOString();
    const lastBefore = items.findLast((item) => Date.parse(item.recordedAt) < Date.parse(recordedAt));
    const earlier = await call('GET', `${at(id)}?asOf=${before}`);
    expect(earlier.body.version).toBe(lastBefore?.version);
    expect(earlier.status).toBe(lastBefore === undefined ? 404 : 200);
  }
});

test('when it was seen is answered with the device, not with its past', async () => {
  const id = await register();
  await registry.db.query(`INSERT INTO device_registry.device_seen VALUES ($1, '2026-11-23T10:00:00Z')`, [id]);
  const seen = { lastSeenAt: '2026-11-23T10:00:00.000Z' };
  expect((await call('GET', at(id))).body).toMatchObject(seen);
  expect((await call('PATCH', at(id), { label: 'x' })).body).toMatchObject(seen);
  expect((await call('GET', `${at(id)}?asOf=9000-01-01T00:00:00Z`)).body).not.toHaveProperty('lastSeenAt');
});

test('metrics tell how many devices there are and how far the relay is behind', async () => {
  const key = await registry.keyWith(['metrics:read']);
  const answer = await fetch(`${registry.service.url}/metrics`, { headers: { authorization: `Bearer ${key}` } });
  const text = await answer.text();
  const gauge = (name: string) =>
    Number(new RegExp(`^device_registry_${name}\\{[^}]*\\} (\\S+)$`, 'm').exec(text)?.[1]);
  const [{ active }] = (
    await registry.db.query('SELECT count(*)::int AS active FROM device_registry.device WHERE retired_at IS NULL')
  ).rows;
  expect(gauge('devices')).toBe(active);
  // Nothing relays here: it is behind by every event.
  expect(gauge('follower_positions_behind')).toBeGreaterThan(active);
  expect(gauge('unresolved_agents')).toBe(0);
});
