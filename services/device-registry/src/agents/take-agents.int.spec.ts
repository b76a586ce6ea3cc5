import { randomUUID } from 'node:crypto';
import type { AgentRecord } from '@quell/contracts/agent-record';
import { inTransaction } from '@quell/service-kit/transaction';
import { type TestDatabase, testDatabase } from '../database/test-database.fixture.ts';
import type { DeviceCommand } from '../device/decide.ts';
import { identityOf } from '../device/device.ts';
import type { FactChanges } from '../device/facts.ts';
import { changeDevices } from '../device-store/change-devices.ts';
import { storeEarlierDevice } from '../device-store/earlier-device.fixture.ts';
import { loadDevices, loadRows } from '../device-store/load.ts';
import { agentRecordOf, newMac } from './agents.fixture.ts';
import { listUnresolved } from './list-unresolved.ts';
import { takeAgents } from './take-agents.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await testDatabase();
});
afterAll(() => database.drop());

const take = (...records: AgentRecord[]) =>
  inTransaction(database.pool, (client) =>
    takeAgents(
      client,
      records.map((record) => ({ kind: 'record' as const, record, causeId: randomUUID(), at: new Date() })),
    ),
  );
const change = async (deviceId: string, command: DeviceCommand) => {
  const envelope = { actor: 'test', correlationId: randomUUID(), occurredAt: new Date() };
  await changeDevices(database.pool, [{ deviceId, command, causeId: randomUUID() }], envelope);
  return deviceId;
};
const known = (facts: FactChanges = {}) => change(randomUUID(), { kind: 'bring', facts, source: 'import' });
const device = async (id: string) => (await loadDevices(database.pool, [id])).get(id);
const rows = async (sql: string, ...values: unknown[]) => (await database.pool.query(sql, values)).rows;
const deviceOf = async ({ agentId }: AgentRecord): Promise<string> =>
  (await rows('SELECT device_id FROM device_registry.device_agent WHERE agent_id = $1', agentId))[0]?.device_id;
const unresolved = async ({ agentId }: AgentRecord) =>
  (await listUnresolved(database.pool, { limit: 500 })).items.find((one) => one.agentId === agentId);
const next = (record: AgentRecord, more: Partial<AgentRecord> = {}): AgentRecord => ({
  ...record,
  version: record.version + 1,
  ...more,
});

test('an agent on a machine that nobody knows gets a device of its own, with what it reports; again it is the same', async () => {
  const record = agentRecordOf({ hostname: 'Desk-A', ips: ['192.0.2.7'], macs: [newMac()] });
  await take(record);
  expect(await deviceOf(record)).toBe(record.endpointId);
  expect(await device(record.endpointId)).toMatchObject({
    state: 'active',
    agentId: record.agentId,
    reported: { hostnames: ['Desk-A'], ips: ['192.0.2.7'], macs: record.macs, platform: 'linux' },
    version: 2,
  });
  await take(record);
  await take(next(record));
  expect(await device(record.endpointId)).toMatchObject({ version: 2 });
  await take(next(record, { version: 3, hostname: 'Desk-B' }));
  expect(identityOf((await device(record.endpointId))!).hostnames).toEqual(['Desk-B']);
  const history = await rows(
    `SELECT type, actor FROM device_registry.event e JOIN device_registry.device d USING (stream_id) WHERE d.id = $1 ORDER BY e.version`,
    record.endpointId,
  );
  const actor = `agent:${record.agentId}`;
  expect(history).toEqual([
    { type: 'DeviceRegistered', actor },
    { type: 'DeviceIdentified', actor },
    { type: 'DeviceIdentified', actor },
  ]);
});

test('an agent is matched by the id it states, by its MAC, by its host name; what people gave stays', async () => {
  const mac = newMac();
  const [stated, byMac, byName] = [
    await known(),
    await known({ macs: [mac], hostnames: ['given'] }),
    await known({ hostnames: ['Name-1.'] }),
  ];
  const unknown = randomUUID();
  const agents = [
    agentRecordOf({ deviceId: stated }),
    agentRecordOf({ deviceId: unknown }),
    agentRecordOf({ macs: [mac, newMac()], hostname: 'reported' }),
    agentRecordOf({ hostname: 'name-1', macs: [newMac()] }),
  ];
  await take(...agents);
  expect(await Promise.all(agents.map(deviceOf))).toEqual([stated, unknown, byMac, byName]);
  const found = (await device(byMac))!;
  expect(identityOf(found)).toMatchObject({ hostnames: ['given', 'reported'], macs: agents[2]!.macs });
  expect(found.given).toMatchObject({ hostnames: ['given'], macs: [mac] });
  expect(await loadRows(database.pool, [byMac])).toEqual(await loadDevices(database.pool, [byMac]));
});

test('an agent that states an id which no path can name runs on the device that has it; without one its machine is unclear', async () => {
  await storeEarlierDevice(database.pool, 'jobs');
  const there = agentRecordOf({ deviceId: 'jobs', hostname: 'there' });
  const byMac = await known({ macs: [newMac()] });
  const [mac] = identityOf((await device(byMac))!).macs;
  const nowhere = agentRecordOf({ deviceId: 'export', hostname: 'nowhere', macs: [mac!] });
  await take(there, nowhere);
  expect(await deviceOf(there)).toBe('jobs');
  expect(await device('jobs')).toMatchObject({ agentId: there.agentId, reported: { hostnames: ['there'] } });
  expect(await device('export')).toBeUndefined();
  expect(await unresolved(nowhere)).toMatchObject({
    candidates: [byMac],
    reason: expect.stringContaining('"export", which no device has'),
  });
});

test('an agent on a device stays there when it begins to state an id that no device can have, and goes on reporting', async () => {
  const record = agentRecordOf({ hostname: 'stays', macs: [newMac()] });
  const given = await known({ macs: record.macs });
  await take(record);
  expect(await deviceOf(record)).toBe(given);
  await take(next(record, { deviceId: 'watch', hostname: 'renamed' }));
  expect(await deviceOf(record)).toBe(given);
  expect(await unresolved(record)).toBeUndefined();
  expect(await device(given)).toMatchObject({ reported: { hostnames: ['renamed'] } });
  expect(await device('watch')).toBeUndefined();
});

test('a crowd of machines with one name is taken in a transaction’s time, and the name tells nothing of the next one', async () => {
  const crowd = Array.from({ length: 1001 }, () => agentRecordOf({ hostname: 'crowd', macs: [newMac()] }));
  await take(...crowd);
  expect(
    await rows(`SELECT count(*)::int AS n FROM device_registry.device_agent WHERE matched_by = 'registered'
    AND hostname = 'crowd' AND device_id = endpoint_id::text`),
  ).toEqual([{ n: 1001 }]);
  await known({ hostnames: ['crowd'] });
  const another = agentRecordOf({ hostname: 'crowd' });
  await take(another);
  expect(await deviceOf(another)).toBe(another.endpointId);
}, 60_000);

test('what would be a guess waits with its candidates, and is matched once it is clear', async () => {
  const mac = newMac();
  const [one, two] = [await known({ macs: [mac] }), await known({ macs: [mac] })];
  const record = agentRecordOf({ macs: [mac], hostname: 'guess' });
  await take(record);
  expect(await unresolved(record)).toMatchObject({
    candidates: [one, two].sort(),
    reason: 'several devices have its MACs',
    hostname: 'guess',
  });
  await take(next(record));
  expect(await deviceOf(record)).toBeNull();
  await change(two, { kind: 'patch', changes: { macs: [] } });
  await take(next(record, { version: 3 }));
  expect(await deviceOf(record)).toBe(one);
  expect(await unresolved(record)).toBeUndefined();
});

test('agents of one machine in one batch, or in racing batches of several replicas, make one device', async () => {
  for (let round = 0; round < 5; round++) {
    const mac = newMac();
    const twins = Array.from({ length: 6 }, () => agentRecordOf({ macs: [mac], hostname: `twin-${round}` }));
    const settled = await Promise.allSettled([
      take(twins[0]!, twins[1]!),
      take(twins[2]!),
      take(twins[3]!, twins[4]!),
      take(twins[5]!, twins[0]!),
    ]);
    expect(settled.filter(({ status }) => status === 'rejected')).toEqual([]);
    const devices = new Set(await Promise.all(twins.map(deviceOf)));
    expect(devices.size).toBe(1);
    const held = await rows(
      `SELECT device_id FROM device_registry.device_identifier WHERE kind = 'mac' AND value = $1`,
      mac,
    );
    expect(held).toEqual([{ device_id: [...devices][0] }]);
  }
});

test('an agent that races with the registration of its device through the API is not matched to two', async () => {
  for (let round = 0; round < 5; round++) {
    const mac = newMac();
    const record = agentRecordOf({ macs: [mac] });
    const id = randomUUID();
    await Promise.all([change(id, { kind: 'bring', facts: { macs: [mac] }, source: 'api' }), take(record)]);
    // Whoever was first: after the API the agent runs on its device; before it, on one of its own.
    expect([id, record.endpointId]).toContain(await deviceOf(record));
  }
});

test('an agent that replaced another on its endpoint takes over its device, and the old one says nothing any more', async () => {
  const old = agentRecordOf({ hostname: 'old' });
  await take(old);
  const replaced = next(old, { status: 'replaced', hostname: 'new' });
  const now = agentRecordOf({ endpointId: old.endpointId, hostname: 'new' });
  await take(replaced, now);
  expect(await deviceOf(now)).toBe(old.endpointId);
  expect(await device(old.endpointId)).toMatchObject({ agentId: now.agentId, reported: { hostnames: ['new'] } });
  const stranger = agentRecordOf({ status: 'replaced' });
  await take(stranger);
  expect(await deviceOf(stranger)).toBeUndefined();
  expect(await device(stranger.endpointId)).toBeUndefined();
});

test('two agents on one device: the one that tells something new is shown, and what they repeat changes nothing', async () => {
  const id = await known();
  const [a, b] = [agentRecordOf({ deviceId: id, hostname: 'a' }), agentRecordOf({ deviceId: id, hostname: 'b' })];
  await take(a, b);
  const { version } = (await device(id))!;
  expect(await device(id)).toMatchObject({ agentId: b.agentId });
  await take(next(a), next(b));
  expect((await device(id))?.version).toBe(version);
  await take(next(a, { version: 3, hostname: 'aa' }));
  expect(await device(id)).toMatchObject({ agentId: a.agentId, reported: { hostnames: ['aa'] } });
});

test('an agent that later states its device moves there; the device that was made for it alone is retired', async () => {
  const record = agentRecordOf({ hostname: 'moves', macs: [newMac()] });
  await take(record);
  const id = await known({ label: 'Lobby' });
  await take(next(record, { deviceId: id }));
  expect(await deviceOf(record)).toBe(id);
  expect(await device(record.endpointId)).toMatchObject({ state: 'retired' });
  expect(await device(id)).toMatchObject({ agentId: record.agentId, label: 'Lobby' });

  const kept = agentRecordOf();
  await take(kept);
  await change(kept.endpointId, { kind: 'patch', changes: { label: 'named by people' } });
  await take(next(kept, { deviceId: await known() }));
  expect(await device(kept.endpointId)).toMatchObject({ state: 'active' });
});

test('a device that its agent leaves for the one it states keeps what people told of it, and nothing of the agent', async () => {
  const mac = newMac();
  const mistaken = await known({ label: 'Reception', hostnames: ['desk'] });
  const record = agentRecordOf({ hostname: 'desk', ips: ['192.0.2.9'], macs: [mac] });
  await take(record);
  expect(await device(mistaken)).toMatchObject({ agentId: record.agentId, reported: { macs: [mac] } });
  const right = await known({ label: 'Lobby' });
  await take(next(record, { deviceId: right }));
  expect(await device(right)).toMatchObject({ agentId: record.agentId, reported: { macs: [mac] } });
  const left = (await device(mistaken))!;
  expect(left).toMatchObject({ state: 'active', label: 'Reception', given: { hostnames: ['desk'] } });
  expect(left).not.toHaveProperty('agentId');
  expect(identityOf(left)).toEqual({ hostnames: ['desk'], ips: [], macs: [] });
  expect(await loadRows(database.pool, [mistaken])).toEqual(await loadDevices(database.pool, [mistaken]));
  // So its adapter is no guess for the next agent of that machine.
  const reinstalled = agentRecordOf({ macs: [mac] });
  await take(reinstalled);
  expect(await deviceOf(reinstalled)).toBe(right);
});

test.each([
  ['before', false],
  ['after', true],
])(
  'nothing of a replaced agent stays on a device that the one in its place does not run on, told %s that one',
  async (_, late) => {
    const mistaken = await known({ hostnames: [`mistaken-${late}`] });
    const old = agentRecordOf({ hostname: `mistaken-${late}`, macs: [newMac()] });
    await take(old);
    expect(await deviceOf(old)).toBe(mistaken);
    const right = await known();
    const replaced = next(old, { status: 'replaced' });
    const now = agentRecordOf({ endpointId: old.endpointId, deviceId: right, macs: old.macs });
    for (const record of late ? [now, replaced] : [replaced, now]) await take(record);
    expect(await device(right)).toMatchObject({ agentId: now.agentId, reported: { macs: old.macs } });
    const left = (await device(mistaken))!;
    expect(left).not.toHaveProperty('agentId');
    expect(identityOf(left).macs).toEqual([]);

    // One that was made for it alone is retired.
    const alone = agentRecordOf();
    await take(alone);
    const ended = next(alone, { status: 'replaced' });
    const stated = agentRecordOf({ endpointId: alone.endpointId, deviceId: right });
    for (const record of late ? [stated, ended] : [ended, stated]) await take(record);
    expect(await device(alone.endpointId)).toMatchObject({ state: 'retired' });
  },
);

test('a device that is registered after its agent came takes the agent over; the one made for it is retired', async () => {
  const mac = newMac();
  const [first, second] = [agentRecordOf({ macs: [mac], hostname: 'early' }), agentRecordOf({ hostname: 'early-2' })];
  await take(first, second);
  const id = await known({ label: 'Real', macs: [mac] });
  const named = await known({ hostnames: ['Early-2'] });
  await take(next(first), next(second));
  expect([await deviceOf(first), await deviceOf(second)]).toEqual([id, named]);
  expect(await device(id)).toMatchObject({ agentId: first.agentId, label: 'Real', reported: { hostnames: ['early'] } });
  expect(await device(first.endpointId)).toMatchObject({ state: 'retired' });
  const { version } = (await device(id))!;
  await take(next(first, { version: 3 }));
  expect((await device(id))?.version).toBe(version);
});

test('what is shared with other machines, or would be a guess, is no reason to leave the device that was made for an agent', async () => {
  const dock = newMac();
  const [a, b] = [
    agentRecordOf({ hostname: 'clone', macs: [newMac()] }),
    agentRecordOf({ hostname: 'clone', macs: [newMac()] }),
  ];
  await take(a, b);
  expect([await deviceOf(a), await deviceOf(b)]).toEqual([a.endpointId, b.endpointId]);
  await take(next(a, { macs: [...a.macs, dock] }));
  await take(next(b, { macs: [...b.macs, dock] }));
  await take(next(a, { version: 3, macs: [...a.macs, dock] }));
  expect([await deviceOf(a), await deviceOf(b)]).toEqual([a.endpointId, b.endpointId]);
  await known({ hostnames: ['clone'] });
  await known({ hostnames: ['clone'] });
  await take(next(a, { version: 4 }));
  expect(await deviceOf(a)).toBe(a.endpointId);
  expect(await unresolved(a)).toBeUndefined();
});

test('a retired device stays retired while its agent goes on, and comes back with an agent that enrols after', async () => {
  const record = agentRecordOf({ hostname: 'retires' });
  await take(record);
  const id = record.endpointId;
  await change(id, { kind: 'retire' });
  await take(next(record, { hostname: 'still-there' }));
  expect(await device(id)).toMatchObject({ state: 'retired', version: 3 });
  const later = new Date(Date.now() + 1000).toISOString();
  await take(agentRecordOf({ endpointId: id, enrolledAt: later, hostname: 'back' }));
  expect(await device(id)).toMatchObject({ state: 'active', reported: { hostnames: ['back'] } });
});

test('an agent whose device was retired leaves it for another that names its machine, such as the one kept of two', async () => {
  const mac = newMac();
  const duplicate = await known({ hostnames: ['twice'] });
  const record = agentRecordOf({ hostname: 'twice', macs: [mac] });
  await take(record);
  expect(await deviceOf(record)).toBe(duplicate);
  await change(duplicate, { kind: 'retire' });
  await take(next(record));
  expect(await deviceOf(record)).toBe(duplicate);
  const kept = await known({ macs: [mac] });
  await take(next(record, { version: 3 }));
  expect(await deviceOf(record)).toBe(kept);
  expect(await device(kept)).toMatchObject({ agentId: record.agentId });
  expect(await device(duplicate)).toMatchObject({ state: 'retired' });
});

test('when a device was seen is the latest that any of its agents told, whatever came first; no event tells it', async () => {
  const at = (minute: number) => `2026-11-23T10:0${minute}:00.000Z`;
  const id = await known();
  const [a, b] = [
    agentRecordOf({ deviceId: id, lastSeenAt: at(3) }),
    agentRecordOf({ deviceId: id, lastSeenAt: at(2) }),
  ];
  await take(a, b);
  const seen = async () =>
    (await rows('SELECT last_seen_at, noted_at FROM device_registry.device_seen WHERE device_id = $1', id))[0];
  const first = await seen();
  expect(first.last_seen_at.toISOString()).toBe(at(3));
  await take(next(b, { lastSeenAt: at(1) }));
  expect(await seen()).toEqual(first);
  const { version } = (await device(id))!;
  await take(next(a, { lastSeenAt: at(5) }));
  expect((await seen()).last_seen_at.toISOString()).toBe(at(5));
  expect((await seen()).noted_at.getTime()).toBeGreaterThanOrEqual(first.noted_at.getTime());
  expect((await device(id))?.version).toBe(version);
});

test('an older record of an agent that comes again changes nothing', async () => {
  const record = agentRecordOf({ hostname: 'first' });
  await take(record, next(record, { hostname: 'second' }));
  await take(record);
  expect(await device(record.endpointId)).toMatchObject({ reported: { hostnames: ['second'] } });
});

test('an agent that is gone leaves its device, and one that comes again is matched again', async () => {
  const record = agentRecordOf({ macs: [newMac()] });
  await take(record);
  await inTransaction(database.pool, (client) => takeAgents(client, [{ kind: 'gone', agentId: record.agentId }]));
  expect(await deviceOf(record)).toBeUndefined();
  expect(await device(record.endpointId)).toMatchObject({ state: 'active' });
  await take(record);
  expect(await deviceOf(record)).toBe(record.endpointId);
});
