import { randomUUID } from 'node:crypto';
import type { HostFacts } from '@quell/contracts/agent-protocol';
import { agentRecord } from '@quell/contracts/agent-record';
import type { OutgoingMessage } from '@quell/messaging/broker';
import { createLog } from '@quell/service-kit/log';
import { inTransaction } from '@quell/service-kit/transaction';
import { eventually } from '@quell/testing/eventually';
import { recordHost } from '../../endpoints/host-record.ts';
import { openScene, type Scene } from '../../task-store/scene.fixture.ts';
import { enrol } from '../enrolment/enrol.ts';
import { makeToken } from '../enrolment/tokens.ts';
import { testAgent } from '../signature/signing.fixture.ts';
import { AgentPublisher } from './agent-publisher.ts';

let scene: Scene;
beforeEach(async () => {
  scene = await openScene();
});
afterEach(() => scene.close());

const log = createLog('test', 'silent');

/** What a compacted topic holds at last, and a publisher of a replica. */
function topic() {
  const taken: OutgoingMessage[] = [];
  const records = () => taken.map(({ key, value }) => ({ key, ...agentRecord.parse(JSON.parse(String(value))) }));
  const last = (agentId: string) => records().findLast(({ key }) => key === agentId);
  const arrive = async (messages: readonly OutgoingMessage[]) => void taken.push(...messages);
  const replica = (publish = arrive, sampleSeconds = 300) =>
    new AgentPublisher({ pool: scene.pool, log, publish, sampleSeconds });
  return { records, last, arrive, replica, messages: taken };
}

const hostOf = (more: Partial<HostFacts>): HostFacts => ({
  hostname: 'desk',
  ips: [],
  macs: [],
  platform: 'linux',
  osVersion: '6.1',
  ...more,
});

async function enrolled(more: Partial<HostFacts> = {}, replacesAgentId?: string) {
  const { agentId, publicKey } = await testAgent();
  const wanted = { expiresInSeconds: 60, maxUses: 1, replacesAgentId };
  const { enrolmentToken } = await makeToken(scene.pool, wanted, 'test', new Date());
  const body = { enrolmentToken, enrolmentId: randomUUID(), publicKey, host: hostOf(more) };
  const outcome = await enrol(scene.pool, agentId, body, new Date());
  if (outcome.kind !== 'enrolled') throw new Error(outcome.kind);
  return { agentId, endpointId: outcome.endpointId };
}

const reports = ({ endpointId }: { endpointId: string }, more: Partial<HostFacts>) =>
  inTransaction(scene.pool, (client) => recordHost(client, endpointId, { host: hostOf(more) }, new Date()));

test('an agent is published when it enrols, when its machine changes and when it is replaced, with a version that rises', async () => {
  const { records, last, messages, replica } = topic();
  const publisher = replica();
  const old = await enrolled({ hostname: 'one', deviceId: 'D1' });
  await publisher.publishDue();
  expect(records()).toMatchObject([{ key: old.agentId, status: 'active', hostname: 'one', deviceId: 'D1' }]);
  expect(messages[0]!.headers).toMatchObject({ ce_type: 'quell.agent.v1', ce_subject: old.agentId });

  await reports(old, { hostname: 'two', ips: ['192.0.2.1'] });
  await publisher.publishDue();
  await reports(old, { hostname: 'two', ips: ['192.0.2.1'] });
  await publisher.publishDue();
  expect(records().map(({ hostname }) => hostname)).toEqual(['one', 'two']);

  const young = await enrolled({ hostname: 'three', deviceId: 'D1' }, old.agentId);
  await publisher.publishDue();
  expect(last(old.agentId)).toMatchObject({ status: 'replaced', deviceId: 'D1' });
  expect(last(young.agentId)).toMatchObject({ status: 'active', hostname: 'three', endpointId: old.endpointId });
  // What the new agent says of the machine is no news of the old one.
  const before = records().length;
  await reports(young, { hostname: 'four' });
  await publisher.publishDue();
  expect(
    records()
      .slice(before)
      .map(({ key }) => key),
  ).toEqual([young.agentId]);
  const versions = records()
    .filter(({ key }) => key === old.agentId)
    .map(({ version }) => version);
  expect(versions).toEqual([...new Set(versions)].sort((a, b) => a - b));
});

test('the first contact travels soon, later ones once per interval, and none while there is none', async () => {
  const { records, replica } = topic();
  const publisher = () => replica(undefined, 300);
  const agent = await enrolled();
  await publisher().publishDue();
  expect(records()).toHaveLength(1);
  await scene.seen(agent, 60);
  await publisher().publishDue();
  expect(records()).toHaveLength(2);
  expect(records()[1]!.lastSeenAt).toBeDefined();
  expect(records()[1]!.version).toBeGreaterThan(records()[0]!.version);

  await scene.seen(agent);
  await publisher().publishDue();
  expect(records()).toHaveLength(2);
  const later = 'UPDATE mitigation.agent_publication SET published_at = published_at - make_interval(secs => 301)';
  await scene.rows(later);
  await Promise.all([publisher().publishDue(), publisher().publishDue()]);
  expect(records()).toHaveLength(3);
  expect(Date.parse(records()[2]!.lastSeenAt!)).toBeGreaterThan(Date.parse(records()[1]!.lastSeenAt!));

  await scene.rows(later);
  await publisher().publishDue();
  expect(records()).toHaveLength(3);
});

test('what a replica that was killed had claimed or published is published by another', async () => {
  const { records, arrive, replica } = topic();
  const agents = await Promise.all(Array.from({ length: 5 }, () => enrolled()));
  const never = new Promise<void>(() => {});
  // Killed after Kafka had it and before it was noted, or before Kafka had it: for the others it is the same.
  void replica(async (messages) => {
    await arrive(messages.slice(0, 2));
    await never;
  }).publishDue();
  const other = replica();
  await eventually(() => records().length === 2);
  await other.publishDue();
  expect(records()).toHaveLength(2);
  await scene.rows(`UPDATE mitigation.agent_publication SET claimed_until = now()`);
  await other.publishDue();
  expect(new Set(records().map(({ key }) => key))).toEqual(new Set(agents.map(({ agentId }) => agentId)));
});

test('a broker that is away loses nothing', async () => {
  const { records, replica } = topic();
  await enrolled();
  await replica(() => Promise.reject(new Error('away'))).publishDue();
  await scene.rows(`UPDATE mitigation.agent_publication SET claimed_until = now()`);
  await replica().publishDue();
  expect(records()).toHaveLength(1);
});

test('what a halted replica publishes late is followed by a newer version, so that the last record is the greatest', async () => {
  const { records, last, arrive, replica } = topic();
  const agent = await enrolled({ hostname: 'old' });
  let goOn = () => {};
  const halted = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  let publishing = () => {};
  const reached = new Promise<void>((resolve) => {
    publishing = resolve;
  });
  const slow = replica(async (messages) => {
    publishing();
    await halted;
    await arrive(messages);
  }).publishDue();
  await reached;
  await reports(agent, { hostname: 'new' });
  await scene.rows(`UPDATE mitigation.agent_publication SET claimed_until = now()`);
  const other = replica();
  await other.publishDue();
  goOn();
  await slow;
  await other.publishDue();
  expect(
    records()
      .map(({ hostname }) => hostname)
      .slice(0, 2),
  ).toEqual(['new', 'old']);
  expect(last(agent.agentId)).toMatchObject({ hostname: 'new' });
  expect(Math.max(...records().map(({ version }) => version))).toBe(last(agent.agentId)!.version);
});

test('of twenty agents that change while two replicas publish, the topic has each as it is, versions in order', async () => {
  const { records, last, replica } = topic();
  const agents = await Promise.all(Array.from({ length: 20 }, () => enrolled()));
  const replicas = [replica(), replica()];
  let over = false;
  const changing = async () => {
    for (let round = 0; round < 5; round++) {
      await Promise.all(agents.map((agent, index) => reports(agent, { hostname: `h-${index}-${round}` })));
    }
    over = true;
  };
  const publishing = async (one: AgentPublisher) => {
    while (!over) await one.publishDue();
  };
  await Promise.all([changing(), ...replicas.map(publishing)]);
  await Promise.all(replicas.map((one) => one.publishDue()));
  agents.forEach(({ agentId }, index) => {
    expect(last(agentId)).toMatchObject({ hostname: `h-${index}-4` });
    const versions = records()
      .filter(({ key }) => key === agentId)
      .map(({ version }) => version);
    expect(versions).toEqual([...versions].sort((a, b) => a - b));
  });
});
