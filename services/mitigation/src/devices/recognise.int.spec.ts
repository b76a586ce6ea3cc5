import { endpointIdOfDevice } from '../endpoints/device-endpoint.ts';
import { cancel, retry } from '../task/commands.ts';
import { detectionOn, taskOf } from '../task-store/scene.fixture.ts';
import { type DeviceScene, fresh, openDevices, record } from './devices.fixture.ts';

let on: DeviceScene;
beforeAll(async () => {
  on = await openDevices();
});
afterAll(() => on.close());

describe('whatever comes first, a device and its agent are one endpoint, and what was detected on it is worked on by that agent', () => {
  // The steps of each row in their order: what the registry says, the detection, the agent.
  const orders = ['R D A', 'D R A', 'D A R', 'R A D', 'A R D', 'A D R'];
  const byWhat = ['deviceId', 'mac', 'hostname'] as const;
  test.each(orders.flatMap((order) => byWhat.map((by) => [order, by] as const)))('%s, by %s', async (order, by) => {
    const { deviceId, hostname, mac } = fresh();
    const described = { macs: by === 'mac' ? [mac] : [], hostnames: by === 'hostname' ? [hostname] : [] };
    const host = { deviceId: { deviceId }, mac: { macs: [mac] }, hostname: { hostname } }[by];
    let agent: Awaited<ReturnType<typeof on.enrols>> | undefined;
    let detectionId = '';
    const steps = {
      R: () => on.arrives(record(deviceId, 1, described)),
      D: async () => {
        detectionId = await on.detected({ deviceId });
      },
      A: async () => {
        agent = await on.enrols(host);
      },
    };
    for (const step of order.split(' ')) await steps[step as keyof typeof steps]();
    expect(await on.endpointsOf(deviceId)).toEqual([{ endpointId: agent!.endpointId, agentId: agent!.agentId }]);
    const { taskId } = await on.rowOf(detectionId);
    const handed = await on.scene.askFor({ ...agent!, deviceId, hostname });
    expect(handed.map((task) => task.taskId)).toEqual([taskId]);
  });
});

test('the registry says which agent a device has: a guess gives way, what an agent says of itself does not', async () => {
  const [one, two] = [fresh(), fresh()];
  const guessed = await on.enrols({ hostname: one.hostname });
  await on.arrives(record(one.deviceId, 1, { hostnames: [one.hostname] }));
  expect(await on.endpointsOf(one.deviceId)).toMatchObject([{ agentId: guessed.agentId }]);
  const other = await on.enrols({ hostname: two.hostname });
  await on.arrives(record(one.deviceId, 2, { hostnames: [one.hostname], agentId: other.agentId }));
  expect(await on.endpointsOf(one.deviceId)).toMatchObject([{ agentId: other.agentId }]);

  const stated = await on.enrols({ hostname: two.hostname, deviceId: two.deviceId });
  await on.arrives(record(two.deviceId, 1, { agentId: guessed.agentId }));
  expect(await on.endpointsOf(two.deviceId)).toMatchObject([{ agentId: stated.agentId }]);
});

test('an agent that states a device ID gets it from one that was only guessed to be the device', async () => {
  const { deviceId, hostname } = fresh();
  const guessed = await on.enrols({ hostname });
  await on.arrives(record(deviceId, 1, { hostnames: [hostname] }));
  const stated = await on.enrols({ hostname: 'another', deviceId });
  expect(stated.outcome.kind).toBe('enrolled');
  expect(stated.endpointId).not.toBe(guessed.endpointId);
  expect(await on.endpointsOf(deviceId)).toEqual([{ endpointId: stated.endpointId, agentId: stated.agentId }]);
});

test('of ten machines that look like one device and enrol at once, one gets its endpoint', async () => {
  const { deviceId, mac } = fresh();
  await on.arrives(record(deviceId, 1, { macs: [mac] }));
  const machines = await Promise.all(Array.from({ length: 10 }, () => on.enrols({ macs: [mac] })));
  expect(machines.map(({ outcome }) => outcome.kind)).toEqual(machines.map(() => 'enrolled'));
  expect(new Set(machines.map(({ endpointId }) => endpointId)).size).toBe(10);
  const [holder, second] = await on.endpointsOf(deviceId);
  expect(second).toBeUndefined();
  expect(machines).toContainEqual(expect.objectContaining(holder));
});

test('a machine that is told to be the device later takes what waits for it, also a hold of its threat', async () => {
  const { deviceId, hostname, mac } = fresh();
  const agent = await on.enrols({ hostname });
  await on.arrives(record(deviceId, 1, { macs: [mac] }));
  const path = '/srv/waits';
  const detectionId = await on.detected({ deviceId }, path);
  expect(await on.rowOf(detectionId)).toMatchObject({ endpointId: endpointIdOfDevice(deviceId) });
  await on.reports(agent.endpointId, { hostname, macs: [mac] });
  expect(await on.endpointsOf(deviceId)).toContainEqual({ endpointId: agent.endpointId, agentId: agent.agentId });
  const { taskId } = await on.rowOf(detectionId);
  const again = detectionOn({ hint: { deviceId } }, { threat: { name: 'EICAR', path } });
  expect(taskOf(await on.scene.take([again]))).toBe(taskId);
  expect((await on.scene.askFor({ ...agent, deviceId, hostname })).map((task) => task.taskId)).toEqual([taskId]);
});

test('a task of a device that ended before its machine was known goes on there when it is retried, unless another holds the threat', async () => {
  const { deviceId, hostname, mac } = fresh();
  await on.arrives(record(deviceId, 1));
  const [first, second] = [await on.detected({ deviceId }, '/srv/one'), await on.detected({ deviceId }, '/srv/two')];
  const tasks = await Promise.all([first, second].map(async (id) => (await on.rowOf(id)).taskId));
  for (const taskId of tasks) await on.scene.command(taskId, cancel);
  // Long after: neither holds its threat any more.
  await on.scene.rows('UPDATE mitigation.open_task SET reopen_until = now() WHERE task_id = ANY($1)', tasks);
  const agent = await on.enrols({ hostname });
  await on.reports(agent.endpointId, { hostname, macs: [mac] });
  await on.arrives(record(deviceId, 2, { macs: [mac] }));
  expect(await on.endpointsOf(deviceId)).toContainEqual({ endpointId: agent.endpointId, agentId: agent.agentId });
  const holder = (await on.rowOf(await on.detected({ deviceId }, '/srv/two'))).taskId;

  expect(await on.scene.command(tasks[0], (task) => retry(task, on.scene.policy.clocks))).toMatchObject({ ok: true });
  expect(await on.scene.command(tasks[1], (task) => retry(task, on.scene.policy.clocks))).toMatchObject({
    ok: false,
    refusal: { code: 'replaced', detail: expect.stringContaining(holder) },
  });
  const handed = await on.scene.askFor({ ...agent, deviceId, hostname });
  expect([tasks[0], holder]).toContain(handed[0]?.taskId);
  expect((await on.scene.workRow(tasks[0])).endpoint_id).toBe(agent.endpointId);
});
