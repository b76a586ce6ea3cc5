import { randomUUID } from 'node:crypto';
import { mostGiven } from '@quell/contracts/device';
import { topics } from '@quell/contracts/topics';
import type { Broker, OutgoingMessage } from '@quell/messaging/broker';
import { createKafkaBroker } from '@quell/messaging/kafka';
import { createLog } from '@quell/service-kit/log';
import { eventually } from '@quell/testing/eventually';
import { testKafka } from '@quell/testing/kafka';
import { openScene, type Scene } from '../task-store/scene.fixture.ts';
import { startDeviceConsumer } from './consumer.ts';

let scene: Scene;
let kafka: Broker;
beforeAll(async () => {
  scene = await openScene();
  kafka = createKafkaBroker({ brokers: testKafka().brokers, clientId: 'mitigation-devices-test' });
});
afterAll(async () => {
  await kafka.close();
  await scene.close();
});

test('devices are followed from the beginning of the log; garbage becomes a dead letter and the next record of its device counts', async () => {
  const id = randomUUID();
  const named = (topic: string) => `${topic}-${id}`;
  await kafka.admin.ensureTopics(
    [topics.devices, topics.deadLetters].map((name) => ({ name: named(name), partitions: 1 })),
  );
  const broker: Broker = {
    ...kafka,
    publish: (topic, messages) => kafka.publish(named(topic), messages),
    consume: (options) =>
      kafka.consume({
        ...options,
        group: `${options.group}-${id}`,
        topics: options.topics.map(named),
        pollSeconds: 0.05,
      }),
  };
  const device = (deviceId: string, version: number, more: object = {}): OutgoingMessage => ({
    key: deviceId,
    value: JSON.stringify({
      id: deviceId,
      version,
      model: '',
      label: '',
      capabilities: [],
      hostnames: [],
      ips: [],
      macs: [],
      tags: [],
      ...more,
    }),
  });
  // As many as people may give, and what an agent reports beside them.
  const shownAtMost = {
    hostnames: Array.from({ length: mostGiven.hostnames + 1 }, (_, n) => `f-${n}`),
    ips: Array.from({ length: mostGiven.ips + 64 }, (_, n) => `192.0.2.${n}`),
    macs: Array.from({ length: mostGiven.macs + 64 }, (_, n) => `00:00:5e:00:53:${n.toString(16).padStart(2, '0')}`),
  };
  const publish = (...messages: OutgoingMessage[]) => broker.publish(topics.devices, messages);
  const start = () => startDeviceConsumer({ pool: scene.pool, broker, log: createLog('test', 'silent') });
  const known = () =>
    scene.rows('SELECT device_id AS id, version, retired, label FROM mitigation.known_device ORDER BY 1');

  await publish(
    device('A', 1, { label: 'first' }),
    { key: 'A', value: 'not JSON' },
    device('B', 1, { macs: ['not a MAC'] }),
    device('B', 2, { tags: ['t'], capabilities: ['relay', 'dimming-or-relay'], someday: 'more' }),
    { key: 'C', value: device('D', 1).value },
    device('E', 1),
    device('F', 1, shownAtMost),
    { key: 'E', value: null, headers: { ce_streamversion: '2' } },
  );
  const first = await start();
  const expected = [
    { id: 'A', version: 1, retired: false, label: 'first' },
    { id: 'B', version: 2, retired: false, label: '' },
    { id: 'E', version: 2, retired: true, label: '' },
    { id: 'F', version: 1, retired: false, label: '' },
  ];
  await eventually(
    async () => {
      expect(await known()).toEqual(expected);
      return true;
    },
    { timeoutMs: 30_000 },
  );
  await first.stop();
  const letters = await scene.rows(
    'SELECT "offset"::int AS at, reason FROM mitigation.dead_letter WHERE topic = $1 ORDER BY 1',
    named(topics.devices),
  );
  expect(letters).toMatchObject([
    { at: 1, reason: 'the value is not JSON' },
    { at: 2, reason: expect.stringContaining('/macs') },
    { at: 4, reason: '/id: is not the key' },
  ]);

  await publish(device('A', 2, { label: 'second' }));
  const second = await start();
  await eventually(async () => (await known())[0].label === 'second', { timeoutMs: 30_000 });
  await second.stop();
}, 60_000);
