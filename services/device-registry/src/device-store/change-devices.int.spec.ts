import { randomUUID } from 'node:crypto';
import { hostnameForm } from '@quell/contracts/host-identifiers';
import { readFeed } from '@quell/event-store/feed';
import { eventually } from '@quell/testing/eventually';
import fc from 'fast-check';
import { SCHEMA } from '../database/schema.ts';
import { type TestDatabase, testDatabase } from '../database/test-database.fixture.ts';
import type { DeviceCommand } from '../device/decide.ts';
import { identityOf } from '../device/device.ts';
import { someHistory } from '../device/history.arbitrary.ts';
import { changeDevices, type DeviceChange } from './change-devices.ts';
import { loadDevices, loadRows } from './load.ts';
import { positionText } from './position.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await testDatabase();
});
afterAll(() => database.drop());

const envelope = () => ({ actor: 'test', correlationId: randomUUID(), occurredAt: new Date() });
const change = (deviceId: string, command: DeviceCommand, causeId: string = randomUUID()): DeviceChange => ({
  deviceId,
  command,
  causeId,
});
const relabel = (label: string): DeviceCommand => ({ kind: 'patch', changes: { label } });
const bring = (label: string): DeviceCommand => ({ kind: 'bring', facts: { label }, source: 'import' });
const rows = async (sql: string, ...values: unknown[]) => (await database.pool.query(sql, values)).rows;

test('after any histories the rows tell what the streams fold to, and the identifiers are those of the active devices', async () => {
  const histories = fc.sample(someHistory, 60).map((commands, index) => ({ id: `${index} ' "\\é`, commands }));
  const rounds = Math.max(...histories.map(({ commands }) => commands.length));
  for (let round = 0; round < rounds; round++) {
    const changes = histories.flatMap(({ id, commands }) => {
      const command = commands[round];
      return command === undefined ? [] : [change(id, command)];
    });
    // Two of a kind in one call as well: the second is decided on what the first made.
    const changed = await changeDevices(database.pool, [...changes, ...changes.slice(0, 5)], envelope(), {
      read: round % 2 === 0 ? 'rows' : 'streams',
    });
    const last = new Map(changed.outcomes.flatMap((one) => (one.ok ? [[one.device.id, one.device]] : [])));
    const stored = await loadDevices(database.pool, [...last.keys()]);
    for (const [id, device] of last) expect(stored.get(id)).toEqual(device);
  }
  const ids = histories.map(({ id }) => id);
  const folded = await loadDevices(database.pool, ids);
  expect(folded.size).toBeGreaterThan(30);
  expect(await loadRows(database.pool, ids)).toEqual(folded);

  const wanted = [...folded.values()].flatMap((device) => {
    if (device.state === 'retired') return [];
    const { macs, hostnames } = identityOf(device);
    const names = [...new Set(hostnames.map(hostnameForm))].filter((name) => name !== 'localhost');
    const apart = macs.filter((mac) => !mac.startsWith('02:42'));
    return [...names.map((name) => ['hostname', name]), ...apart.map((mac) => ['mac', mac])].map((one) => [
      ...one,
      device.id,
    ]);
  });
  const found = await rows('SELECT kind, value, device_id FROM device_registry.device_identifier');
  expect(found.map(({ kind, value, device_id }) => [kind, value, device_id]).sort()).toEqual(wanted.sort());
});

test('a cause that comes again changes nothing, although others changed the device since', async () => {
  const [id, causeId] = [randomUUID(), randomUUID()];
  const changes = [change(id, bring('first'), causeId), change(`${id}-b`, bring('first'), causeId)];
  await changeDevices(database.pool, changes, envelope());
  await changeDevices(database.pool, [change(id, relabel('second'))], envelope());
  const { outcomes, position } = await changeDevices(database.pool, changes, envelope());
  expect(outcomes).toMatchObject([
    { ok: true, events: [], device: { label: 'second', version: 2 } },
    { ok: true, events: [], device: { label: 'first', version: 1 } },
  ]);
  expect(position).toBeUndefined();
});

test('writers that race on the same devices all take effect, one after the other', async () => {
  const ids = Array.from({ length: 5 }, () => randomUUID());
  const writers = Array.from({ length: 6 }, (_, writer) =>
    changeDevices(
      database.pool,
      ids.map((id) => change(id, { kind: 'bring', facts: { tags: [`t${writer}`] }, source: 'api' })),
      envelope(),
      { read: writer % 2 === 0 ? 'rows' : 'streams', tries: 50 },
    ),
  );
  await Promise.all(writers);
  const devices = await loadDevices(database.pool, ids);
  expect([...devices.values()].map(({ version }) => version)).toEqual(ids.map(() => writers.length));
  expect(await loadRows(database.pool, ids)).toEqual(devices);
});

test('a refusal concerns its change alone', async () => {
  const [good, missing] = [randomUUID(), randomUUID()];
  const { outcomes } = await changeDevices(
    database.pool,
    [
      change(missing, relabel('x')),
      change(good, bring('x')),
      { ...change(good, relabel('y')), ifVersion: [7] },
      { ...change(good, relabel('z')), ifVersion: [1] },
    ],
    envelope(),
  );
  expect(outcomes).toMatchObject([
    { ok: false, refusal: { code: 'unknown' } },
    { ok: true, device: { label: 'x', version: 1 } },
    { ok: false, refusal: { code: 'version' } },
    { ok: true, device: { label: 'z', version: 2 } },
  ]);
});

test('what is written beside is there with the devices or not at all', async () => {
  const id = randomUUID();
  const note = async (client: { query(sql: string): Promise<unknown> }) => {
    await client.query(`INSERT INTO device_registry.device_seen (device_id, last_seen_at) VALUES ('${id}', now())`);
  };
  const failing = changeDevices(database.pool, [change(id, bring('x'))], envelope(), {
    beside: async (client) => {
      await note(client);
      throw new Error('beside');
    },
  });
  await expect(failing).rejects.toThrow('beside');
  expect((await loadDevices(database.pool, [id])).size).toBe(0);
  await changeDevices(database.pool, [change(id, bring('x'))], envelope(), { beside: note });
  expect(await rows('SELECT FROM device_registry.device_seen WHERE device_id = $1', id)).toHaveLength(1);
});

test('the position of a write is that of its last event in the feed', async () => {
  // So many that their numbers differ in length: as texts they would have another order.
  const ids = Array.from({ length: 1_100 }, () => randomUUID());
  const { position } = await changeDevices(
    database.pool,
    ids.map((id) => change(id, bring('x'))),
    envelope(),
  );
  expect(positionText(position!)).toMatch(/^\d+-\d+$/);
  await eventually(async () => {
    const before = { txid: position!.txid, position: position!.position - 1n };
    const [event] = await readFeed(database.pool, SCHEMA, before, 1);
    expect(event).toMatchObject({ ...position, type: 'DeviceRegistered', data: { id: ids.at(-1) } });
    return true;
  });
});

test('thousands of devices are one call', async () => {
  const ids = Array.from({ length: 3000 }, () => randomUUID());
  const mac = (index: number) =>
    `00:00:5e:${[16, 8, 0].map((by) => ((index >> by) & 255).toString(16).padStart(2, '0')).join(':')}`;
  const { outcomes } = await changeDevices(
    database.pool,
    ids.map((id, index) =>
      change(id, { kind: 'bring', facts: { macs: [mac(index)], tags: ['bulk'] }, source: 'import' }),
    ),
    envelope(),
    { read: 'rows' },
  );
  expect(outcomes.every((one) => one.ok && one.device.version === 1)).toBe(true);
  const again = await changeDevices(
    database.pool,
    ids.map((id) => change(id, bring(''))),
    envelope(),
    { read: 'rows' },
  );
  expect(again.outcomes.every((one) => one.ok && one.events.length === 0)).toBe(true);
});
