import { randomUUID } from 'node:crypto';
import type { HostFacts } from '@quell/contracts/agent-protocol';
import type { DeviceRecord } from '@quell/contracts/device-record';
import { createLog } from '@quell/service-kit/log';
import { inTransaction } from '@quell/service-kit/transaction';
import { enrol } from '../agents/enrolment/enrol.ts';
import { makeToken } from '../agents/enrolment/tokens.ts';
import { testAgent } from '../agents/signature/signing.fixture.ts';
import { redecideUnresolved } from '../detections/redecide.ts';
import { changedIdentifiers } from '../endpoints/changed-identifiers.ts';
import { endpointIdOfDevice } from '../endpoints/device-endpoint.ts';
import { type EndpointChange, EndpointChanges, enqueueEndpointChange } from '../endpoints/endpoint-changes.ts';
import { recordHost } from '../endpoints/host-record.ts';
import { cancel, retry } from '../task/commands.ts';
import { detectionOn, openScene, type Scene, taskOf } from '../task-store/scene.fixture.ts';
import { type DeviceNews, takeDevices } from './known-devices.ts';
import { recogniseMachines } from './recognise.ts';

let scene: Scene;
let changes: EndpointChanges;
beforeAll(async () => {
  scene = await openScene();
  const log = createLog('test', 'silent');
  // As the service does.
  changes = new EndpointChanges(scene.pool, log);
  changes.onEndpointChanged('device of a machine', async (change) => {
    if (change.reason === 'device-appeared') return;
    await inTransaction(scene.pool, (client) => recogniseMachines(client, [change.endpointId]));
  });
  changes.onEndpointsChanged('unresolved', async (all: readonly EndpointChange[]) => {
    const identifiers = await changedIdentifiers(scene.pool, all);
    await redecideUnresolved(scene.pool, scene.policy, identifiers, { causeId: all[0]!.changeId, log });
  });
});
afterAll(() => scene.close());

let number = 0;
/** Names and adapters that nothing else in this file has. */
function fresh() {
  number += 1;
  return {
    deviceId: `D-${number}`,
    hostname: `desk-${number}`,
    mac: `00:1b:22:00:${Math.trunc(number / 256)
      .toString(16)
      .padStart(2, '0')}:${(number % 256).toString(16).padStart(2, '0')}`,
  };
}

const record = (id: string, version: number, more: Partial<DeviceRecord> = {}): DeviceNews => ({
  kind: 'device',
  record: { id, version, model: '', label: '', capabilities: [], hostnames: [], ips: [], macs: [], tags: [], ...more },
});

/** What the consumer does with a batch, and what follows. */
async function arrives(...news: DeviceNews[]): Promise<void> {
  await inTransaction(scene.pool, (client) => takeDevices(client, news, new Date()));
  await changes.deliver();
}

async function enrols(more: Partial<HostFacts>) {
  const { agentId, publicKey } = await testAgent();
  const { enrolmentToken } = await makeToken(scene.pool, { expiresInSeconds: 60, maxUses: 1 }, 'test', new Date());
  const host = { hostname: 'unnamed', ips: [], macs: [], platform: 'linux' as const, osVersion: '6', ...more };
  const outcome = await enrol(
    scene.pool,
    agentId,
    { enrolmentToken, enrolmentId: randomUUID(), publicKey, host },
    new Date(),
  );
  await changes.deliver();
  return { agentId, outcome, endpointId: outcome.kind === 'enrolled' ? outcome.endpointId : '' };
}

async function reports(endpointId: string, host: Partial<HostFacts>) {
  await inTransaction(scene.pool, async (client) => {
    const facts = { hostname: 'unnamed', ips: [], macs: [], platform: 'linux' as const, osVersion: '6', ...host };
    await recordHost(client, endpointId, { host: facts }, new Date());
    await enqueueEndpointChange(client, { endpointId, reason: 'host-changed', changedAt: new Date() });
  });
  await changes.deliver();
}

type Hint = Parameters<typeof detectionOn>[0] extends infer On ? (On extends { hint: infer H } ? H : never) : never;
async function detected(hint: Hint, path = `/srv/${randomUUID()}`) {
  const detection = detectionOn({ hint }, { threat: { name: 'EICAR', path }, detectedAt: new Date().toISOString() });
  await scene.take([detection]);
  return detection.detectionId;
}
const rowOf = async (detectionId: string) => {
  const [row] = await scene.rows('SELECT * FROM mitigation.detection WHERE detection_id = $1', detectionId);
  return { disposition: row.disposition, endpointId: row.endpoint_id, taskId: row.task_id };
};
const endpointsOf = (deviceId: string) =>
  scene.rows(
    `SELECT endpoint_id AS "endpointId", agent_id AS "agentId" FROM mitigation.endpoint
     WHERE device_id = $1 OR endpoint_id = $2`,
    deviceId,
    endpointIdOfDevice(deviceId),
  );

describe('whatever comes first, a device and its agent are one endpoint, and what was detected on it is worked on by that agent', () => {
  // The steps of each row in their order: what the registry says, the detection, the agent.
  const orders = ['R D A', 'D R A', 'D A R', 'R A D', 'A R D', 'A D R'];
  const byWhat = ['deviceId', 'mac', 'hostname'] as const;
  test.each(orders.flatMap((order) => byWhat.map((by) => [order, by] as const)))('%s, by %s', async (order, by) => {
    const { deviceId, hostname, mac } = fresh();
    const described = { macs: by === 'mac' ? [mac] : [], hostnames: by === 'hostname' ? [hostname] : [] };
    const host = { deviceId: { deviceId }, mac: { macs: [mac] }, hostname: { hostname } }[by];
    let agent: Awaited<ReturnType<typeof enrols>> | undefined;
    let detectionId = '';
    const steps = {
      R: () => arrives(record(deviceId, 1, described)),
      D: async () => {
        detectionId = await detected({ deviceId });
      },
      A: async () => {
        agent = await enrols(host);
      },
    };
    for (const step of order.split(' ')) await steps[step as keyof typeof steps]();
    expect(await endpointsOf(deviceId)).toEqual([{ endpointId: agent!.endpointId, agentId: agent!.agentId }]);
    const { taskId } = await rowOf(detectionId);
    const handed = await scene.askFor({ ...agent!, deviceId, hostname });
    expect(handed.map((task) => task.taskId)).toEqual([taskId]);
  });
});

test('a device that only the registry knows is found by its ID, an adapter or its only name; its endpoint has what the registry says', async () => {
  const { deviceId, hostname, mac } = fresh();
  await arrives(
    record(deviceId, 1, {
      hostnames: [hostname, `${hostname}-b`],
      macs: [mac],
      ips: ['192.0.2.8'],
      platform: 'windows',
    }),
  );
  const hints = [
    { deviceId },
    { macs: [mac] },
    { hostname: hostname.toUpperCase() },
    { hostname: `${hostname}-b` },
    { deviceId, hostname },
  ];
  const rows = await Promise.all(hints.map(async (hint) => rowOf(await detected(hint))));
  expect(new Set(rows.map(({ endpointId }) => endpointId))).toEqual(new Set([endpointIdOfDevice(deviceId)]));
  expect((await scene.task(rows[0]!.taskId)).endpoint).toEqual({
    endpointId: endpointIdOfDevice(deviceId),
    deviceId,
    hostname,
    ips: ['192.0.2.8'],
    platform: 'windows',
  });
  // An address is what an agent held, not what a list says.
  expect(await rowOf(await detected({ ips: ['192.0.2.8'] }))).toMatchObject({ disposition: 'unresolved' });
});

test('never the wrong machine: what the registry knows can contradict, and a name of two is ambiguous', async () => {
  const [one, two] = [fresh(), fresh()];
  await arrives(
    record(one.deviceId, 1, { hostnames: [one.hostname, 'shared-name'], macs: [one.mac] }),
    record(two.deviceId, 1, { hostnames: [two.hostname, 'shared-name'], macs: [two.mac] }),
  );
  const hints: Hint[] = [
    { hostname: 'shared-name' },
    { deviceId: one.deviceId, macs: [two.mac] },
    { deviceId: one.deviceId, hostname: two.hostname },
    { macs: [one.mac], hostname: two.hostname },
    { deviceId: 'D-nobody', macs: [one.mac] },
  ];
  for (const hint of hints) expect(await rowOf(await detected(hint))).toMatchObject({ disposition: 'unresolved' });
  // A machine with the shared name may be either, so it is neither.
  const agent = await enrols({ hostname: 'shared-name' });
  expect(
    await scene.rows('SELECT device_id FROM mitigation.endpoint WHERE endpoint_id = $1', agent.endpointId),
  ).toEqual([{ device_id: null }]);
});

test('an older or repeated record changes nothing; a tombstone removes, and only a newer record brings the device back', async () => {
  const { deviceId, hostname } = fresh();
  const known = async () =>
    (await scene.rows('SELECT version, retired, label FROM mitigation.known_device WHERE device_id = $1', deviceId))[0];
  await arrives(record(deviceId, 3, { label: 'three', hostnames: [hostname] }));
  await arrives(record(deviceId, 2, { label: 'two' }), record(deviceId, 3, { label: 'again' }));
  expect(await known()).toEqual({ version: 3, retired: false, label: 'three' });
  await arrives({ kind: 'gone', deviceId, version: 4 });
  expect(await known()).toEqual({ version: 4, retired: true, label: '' });
  expect(await rowOf(await detected({ hostname }))).toMatchObject({ disposition: 'unresolved' });
  await arrives(record(deviceId, 3, { hostnames: [hostname] }));
  expect(await known()).toMatchObject({ retired: true });
  await arrives(record(deviceId, 5, { label: 'five', hostnames: [hostname] }), { kind: 'gone', deviceId, version: 4 });
  expect(await known()).toEqual({ version: 5, retired: false, label: 'five' });
  // A sender that does not tell the version of a tombstone.
  await arrives({ kind: 'gone', deviceId });
  expect(await known()).toMatchObject({ version: 5, retired: true });
  await arrives({ kind: 'gone', deviceId });
});

test('an unresolved detection finds its device when that appears, gets the name, or another gives it up', async () => {
  const { deviceId, hostname, mac } = fresh();
  const twin = fresh();
  const byMac = await detected({ macs: [mac] });
  const byName = await detected({ hostname });
  await arrives(record(deviceId, 1), record(twin.deviceId, 1, { hostnames: [hostname] }));
  expect(await rowOf(byMac)).toMatchObject({ disposition: 'unresolved' });
  expect(await rowOf(byName)).toMatchObject({ disposition: 'task', endpointId: endpointIdOfDevice(twin.deviceId) });
  await arrives(record(deviceId, 2, { hostnames: [hostname], macs: [mac] }));
  expect(await rowOf(byMac)).toMatchObject({ disposition: 'task', endpointId: endpointIdOfDevice(deviceId) });
  const ambiguous = await detected({ hostname });
  expect(await rowOf(ambiguous)).toMatchObject({ disposition: 'unresolved' });
  await arrives({ kind: 'gone', deviceId: twin.deviceId, version: 2 });
  // The endpoint that tasks were opened on is not gone with its device, but it has lost the name.
  expect(await rowOf(ambiguous)).toMatchObject({ disposition: 'task', endpointId: endpointIdOfDevice(deviceId) });
});

test('records that change nothing a detection could name leave no change behind', async () => {
  const { deviceId, hostname } = fresh();
  await arrives(record(deviceId, 1, { hostnames: [hostname] }));
  await inTransaction(scene.pool, (client) =>
    takeDevices(client, [record(deviceId, 2, { label: 'new', tags: ['x'], hostnames: [hostname] })], new Date()),
  );
  expect(await scene.rows('SELECT FROM mitigation.endpoint_change')).toEqual([]);
});

test('the registry says which agent a device has: a guess gives way, what an agent says of itself does not', async () => {
  const [one, two] = [fresh(), fresh()];
  const guessed = await enrols({ hostname: one.hostname });
  await arrives(record(one.deviceId, 1, { hostnames: [one.hostname] }));
  expect(await endpointsOf(one.deviceId)).toMatchObject([{ agentId: guessed.agentId }]);
  const other = await enrols({ hostname: two.hostname });
  await arrives(record(one.deviceId, 2, { hostnames: [one.hostname], agentId: other.agentId }));
  expect(await endpointsOf(one.deviceId)).toMatchObject([{ agentId: other.agentId }]);

  const stated = await enrols({ hostname: two.hostname, deviceId: two.deviceId });
  await arrives(record(two.deviceId, 1, { agentId: guessed.agentId }));
  expect(await endpointsOf(two.deviceId)).toMatchObject([{ agentId: stated.agentId }]);
});

test('an agent that states a device ID gets it from one that was only guessed to be the device', async () => {
  const { deviceId, hostname } = fresh();
  const guessed = await enrols({ hostname });
  await arrives(record(deviceId, 1, { hostnames: [hostname] }));
  const stated = await enrols({ hostname: 'another', deviceId });
  expect(stated.outcome.kind).toBe('enrolled');
  expect(stated.endpointId).not.toBe(guessed.endpointId);
  expect(await endpointsOf(deviceId)).toEqual([{ endpointId: stated.endpointId, agentId: stated.agentId }]);
});

test('of ten machines that look like one device and enrol at once, one gets its endpoint', async () => {
  const { deviceId, mac } = fresh();
  await arrives(record(deviceId, 1, { macs: [mac] }));
  const machines = await Promise.all(Array.from({ length: 10 }, () => enrols({ macs: [mac] })));
  expect(machines.map(({ outcome }) => outcome.kind)).toEqual(machines.map(() => 'enrolled'));
  expect(new Set(machines.map(({ endpointId }) => endpointId)).size).toBe(10);
  const [holder, second] = await endpointsOf(deviceId);
  expect(second).toBeUndefined();
  expect(machines).toContainEqual(expect.objectContaining(holder));
});

test('a machine that is told to be the device later takes what waits for it, also a hold of its threat', async () => {
  const { deviceId, hostname, mac } = fresh();
  const agent = await enrols({ hostname });
  await arrives(record(deviceId, 1, { macs: [mac] }));
  const path = '/srv/waits';
  const detectionId = await detected({ deviceId }, path);
  expect(await rowOf(detectionId)).toMatchObject({ endpointId: endpointIdOfDevice(deviceId) });
  await reports(agent.endpointId, { hostname, macs: [mac] });
  expect(await endpointsOf(deviceId)).toContainEqual({ endpointId: agent.endpointId, agentId: agent.agentId });
  const { taskId } = await rowOf(detectionId);
  const again = detectionOn({ hint: { deviceId } }, { threat: { name: 'EICAR', path } });
  expect(taskOf(await scene.take([again]))).toBe(taskId);
  expect((await scene.askFor({ ...agent, deviceId, hostname })).map((task) => task.taskId)).toEqual([taskId]);
});

test('a task of a device that ended before its machine was known goes on there when it is retried, unless another holds the threat', async () => {
  const { deviceId, hostname, mac } = fresh();
  await arrives(record(deviceId, 1));
  const [first, second] = [await detected({ deviceId }, '/srv/one'), await detected({ deviceId }, '/srv/two')];
  const tasks = await Promise.all([first, second].map(async (id) => (await rowOf(id)).taskId));
  for (const taskId of tasks) await scene.command(taskId, cancel);
  // Long after: neither holds its threat any more.
  await scene.rows('UPDATE mitigation.open_task SET reopen_until = now() WHERE task_id = ANY($1)', tasks);
  const agent = await enrols({ hostname });
  await reports(agent.endpointId, { hostname, macs: [mac] });
  await arrives(record(deviceId, 2, { macs: [mac] }));
  expect(await endpointsOf(deviceId)).toContainEqual({ endpointId: agent.endpointId, agentId: agent.agentId });
  const holder = (await rowOf(await detected({ deviceId }, '/srv/two'))).taskId;

  expect(await scene.command(tasks[0], (task) => retry(task, scene.policy.clocks))).toMatchObject({ ok: true });
  expect(await scene.command(tasks[1], (task) => retry(task, scene.policy.clocks))).toMatchObject({
    ok: false,
    refusal: { code: 'replaced', detail: expect.stringContaining(holder) },
  });
  const handed = await scene.askFor({ ...agent, deviceId, hostname });
  expect([tasks[0], holder]).toContain(handed[0]?.taskId);
  expect((await scene.workRow(tasks[0])).endpoint_id).toBe(agent.endpointId);
});
