import { randomUUID } from 'node:crypto';
import { setImmediate as soon } from 'node:timers/promises';
import { deviceRecord } from '@quell/contracts/device-record';
import { relayRunner } from '@quell/event-store/relay';
import type { OutgoingMessage } from '@quell/messaging/broker';
import { PublishFailed } from '@quell/messaging/broker-errors';
import { eventually } from '@quell/testing/eventually';
import fc from 'fast-check';
import { type TestDatabase, testDatabase } from '../database/test-database.fixture.ts';
import { someHistory } from '../device/history.arbitrary.ts';
import { changeDevices } from '../device-store/change-devices.ts';
import { loadDevices } from '../device-store/load.ts';
import { deviceRecordOf } from '../devices/device-dto.ts';
import { deviceRelay } from './device-relay.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await testDatabase();
});
afterAll(() => database.drop());

/** Whatever arrives on the topic, and a relay that can be started anew. */
function topic() {
  const arrived: OutgoingMessage[] = [];
  const arrive = async (messages: readonly OutgoingMessage[]) => {
    await soon();
    arrived.push(...messages);
  };
  const start = (publish: typeof arrive) => {
    const connection = { connectionString: database.fresh.url };
    const options = { connection, pollMilliseconds: 10, retryMilliseconds: 20, batchSize: 7 };
    const runner = relayRunner(deviceRelay(database.pool, publish), options);
    runner.start();
    return runner;
  };
  /** What compaction leaves of a key. */
  const last = (id: string) => arrived.findLast(({ key }) => key === id);
  return { arrived, arrive, start, last };
}

const versionOf = ({ headers }: OutgoingMessage) => Number(headers?.ce_streamversion);

async function play(ids: readonly string[], rounds: number) {
  const histories = fc.sample(
    someHistory.filter(({ length }) => length > 0),
    ids.length,
  );
  for (let round = 0; round < rounds; round++) {
    const changes = ids.flatMap((deviceId, index) => {
      const command = histories[index]![round];
      return command === undefined ? [] : [{ deviceId, command, causeId: randomUUID() }];
    });
    await changeDevices(database.pool, changes, { actor: 'test', correlationId: randomUUID(), occurredAt: new Date() });
  }
}

test('over restarts and failures the last record of each device is the device, a tombstone when it is retired, and its versions never go back', async () => {
  const { arrived, arrive, start, last } = topic();
  let calls = 0;
  // A broker that fails now and then: before the messages are there, or after.
  const flaky = async (messages: readonly OutgoingMessage[]) => {
    const turn = calls++ % 5;
    if (turn === 1) throw new PublishFailed('away', { transient: true });
    await arrive(messages);
    if (turn === 3) throw new PublishFailed('no answer', { transient: true });
  };
  const ids = Array.from({ length: 20 }, (_, index) => `relay ${index} é`);
  let runner = start(flaky);
  await play(ids, 3);
  await eventually(() => arrived.length > 10);
  await runner.stop();
  await play(ids, 6);
  runner = start(flaky);
  const devices = await loadDevices(database.pool, ids);
  await eventually(() => {
    for (const device of devices.values()) expect(versionOf(last(device.id)!)).toBe(device.version);
    return true;
  });
  await runner.stop();

  for (const device of devices.values()) {
    const { value, headers } = last(device.id)!;
    expect(headers).toMatchObject({ ce_subject: device.id });
    if (device.state === 'retired') expect([value, headers?.ce_type]).toEqual([null, 'quell.device.retired']);
    else {
      expect(headers?.ce_type).toBe('quell.device.changed');
      const record = deviceRecord.parse(JSON.parse(String(value)));
      expect(record).toEqual(deviceRecordOf(device));
      expect(record.version).toBe(device.version);
    }
  }
  const seen = new Map<string, number>();
  for (const message of arrived) {
    expect(versionOf(message)).toBeGreaterThanOrEqual(seen.get(message.key!) ?? 0);
    seen.set(message.key!, versionOf(message));
  }
}, 60_000);

test('a relay that was overtaken while it published leaves the latest of each device behind', async () => {
  const { arrived, arrive, start, last } = topic();
  const id = 'overtaken';
  const relabel = (label: string) =>
    changeDevices(
      database.pool,
      [{ deviceId: id, command: { kind: 'bring', facts: { label }, source: 'api' }, causeId: randomUUID() }],
      { actor: 'test', correlationId: randomUUID(), occurredAt: new Date() },
    );
  await relabel('first');
  let overtaken = false;
  const runner = start(async (messages) => {
    // Stands for another process: it publishes the second state before this one's first arrives.
    if (!overtaken && messages.some(({ key }) => key === id)) {
      overtaken = true;
      await relabel('second');
      await arrive([{ key: id, value: 'second, of the other process' }]);
    }
    await arrive(messages);
  });
  await eventually(() => last(id)?.headers?.ce_streamversion === '2');
  await runner.stop();
  const own = arrived.filter(({ key }) => key === id).map(({ headers }) => headers?.ce_id);
  expect(new Set(own).size).toBe(3);
}, 60_000);
