import { taskEndpoint } from '@quell/contracts/task-endpoint';
import { inTransaction } from '@quell/service-kit/transaction';
import { endpointIdOfDevice } from '../endpoints/device-endpoint.ts';
import { type DeviceScene, fresh, type Hint, openDevices, record } from './devices.fixture.ts';
import { takeDevices } from './known-devices.ts';

let on: DeviceScene;
beforeAll(async () => {
  on = await openDevices();
});
afterAll(() => on.close());

test('a device that only the registry knows is found by its ID, an adapter or its only name; its endpoint has what the registry says', async () => {
  const { deviceId, hostname, mac } = fresh();
  await on.arrives(
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
  const rows = await Promise.all(hints.map(async (hint) => on.rowOf(await on.detected(hint))));
  expect(new Set(rows.map(({ endpointId }) => endpointId))).toEqual(new Set([endpointIdOfDevice(deviceId)]));
  expect((await on.scene.task(rows[0]!.taskId)).endpoint).toEqual({
    endpointId: endpointIdOfDevice(deviceId),
    deviceId,
    hostname,
    ips: ['192.0.2.8'],
    platform: 'windows',
  });
  // An address is what an agent held, not what a list says.
  expect(await on.rowOf(await on.detected({ ips: ['192.0.2.8'] }))).toMatchObject({ disposition: 'unresolved' });
});

test('a device with more addresses than a task keeps is found all the same', async () => {
  const { deviceId } = fresh();
  const ips = Array.from({ length: 192 }, (_, n) => `192.0.2.${n}`);
  await on.arrives(record(deviceId, 1, { ips }));
  const { taskId } = await on.rowOf(await on.detected({ deviceId }));
  expect(taskEndpoint.parse((await on.scene.task(taskId)).endpoint).ips).toEqual(ips.slice(0, 64));
});

test('never the wrong machine: what the registry knows can contradict, and a name of two is ambiguous', async () => {
  const [one, two] = [fresh(), fresh()];
  await on.arrives(
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
  for (const hint of hints)
    expect(await on.rowOf(await on.detected(hint))).toMatchObject({ disposition: 'unresolved' });
  // A machine with the shared name may be either, so it is neither.
  const agent = await on.enrols({ hostname: 'shared-name' });
  expect(
    await on.scene.rows('SELECT device_id FROM mitigation.endpoint WHERE endpoint_id = $1', agent.endpointId),
  ).toEqual([{ device_id: null }]);
});

test('an older or repeated record changes nothing; a tombstone removes, and only a newer record brings the device back', async () => {
  const { deviceId, hostname } = fresh();
  const known = async () =>
    (
      await on.scene.rows('SELECT version, retired, label FROM mitigation.known_device WHERE device_id = $1', deviceId)
    )[0];
  await on.arrives(record(deviceId, 3, { label: 'three', hostnames: [hostname] }));
  await on.arrives(record(deviceId, 2, { label: 'two' }), record(deviceId, 3, { label: 'again' }));
  expect(await known()).toEqual({ version: 3, retired: false, label: 'three' });
  await on.arrives({ kind: 'gone', deviceId, version: 4 });
  expect(await known()).toEqual({ version: 4, retired: true, label: '' });
  expect(await on.rowOf(await on.detected({ hostname }))).toMatchObject({ disposition: 'unresolved' });
  await on.arrives(record(deviceId, 3, { hostnames: [hostname] }));
  expect(await known()).toMatchObject({ retired: true });
  await on.arrives(record(deviceId, 5, { label: 'five', hostnames: [hostname] }), {
    kind: 'gone',
    deviceId,
    version: 4,
  });
  expect(await known()).toEqual({ version: 5, retired: false, label: 'five' });
  // A sender that does not tell the version of a tombstone.
  await on.arrives({ kind: 'gone', deviceId });
  expect(await known()).toMatchObject({ version: 5, retired: true });
  await on.arrives({ kind: 'gone', deviceId });
});

test('an unresolved detection finds its device when that appears, gets the name, or another gives it up', async () => {
  const { deviceId, hostname, mac } = fresh();
  const twin = fresh();
  const byMac = await on.detected({ macs: [mac] });
  const byName = await on.detected({ hostname });
  await on.arrives(record(deviceId, 1), record(twin.deviceId, 1, { hostnames: [hostname] }));
  expect(await on.rowOf(byMac)).toMatchObject({ disposition: 'unresolved' });
  expect(await on.rowOf(byName)).toMatchObject({ disposition: 'task', endpointId: endpointIdOfDevice(twin.deviceId) });
  await on.arrives(record(deviceId, 2, { hostnames: [hostname], macs: [mac] }));
  expect(await on.rowOf(byMac)).toMatchObject({ disposition: 'task', endpointId: endpointIdOfDevice(deviceId) });
  const ambiguous = await on.detected({ hostname });
  expect(await on.rowOf(ambiguous)).toMatchObject({ disposition: 'unresolved' });
  await on.arrives({ kind: 'gone', deviceId: twin.deviceId, version: 2 });
  // The endpoint that tasks were opened on is not gone with its device, but it has lost the name.
  expect(await on.rowOf(ambiguous)).toMatchObject({ disposition: 'task', endpointId: endpointIdOfDevice(deviceId) });
});

test('records that change nothing a detection could name leave no change behind', async () => {
  const { deviceId, hostname } = fresh();
  await on.arrives(record(deviceId, 1, { hostnames: [hostname] }));
  await inTransaction(on.scene.pool, (client) =>
    takeDevices(client, [record(deviceId, 2, { label: 'new', tags: ['x'], hostnames: [hostname] })], new Date()),
  );
  expect(await on.scene.rows('SELECT FROM mitigation.endpoint_change')).toEqual([]);
});
