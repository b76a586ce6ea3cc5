import { randomUUID } from 'node:crypto';
import type { EnrolRequest, HostFacts } from '@quell/contracts/agent-protocol';
import { type TestDatabase, testDatabase } from '../../database/test-database.fixture.ts';
import { testAgent } from '../signature/signing.fixture.ts';
import { enrol } from './enrol.ts';
import { makeToken } from './tokens.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await testDatabase();
});
afterAll(() => database.drop());

const now = () => new Date();

async function request(token: string, host: Partial<HostFacts> = {}): Promise<[string, EnrolRequest]> {
  const agent = await testAgent();
  const facts: HostFacts = {
    hostname: `host-${agent.agentId.slice(0, 6)}`,
    ips: [],
    macs: [],
    platform: 'linux',
    osVersion: '6.1',
    ...host,
  };
  return [agent.agentId, { enrolmentToken: token, enrolmentId: randomUUID(), publicKey: agent.publicKey, host: facts }];
}

const token = async (maxUses = 100, replacesAgentId?: string) =>
  (await makeToken(database.pool, { expiresInSeconds: 60, maxUses, replacesAgentId }, 'test', now())).enrolmentToken;

test('a token for five lets five of twenty agents in that enrol at the same time', async () => {
  const five = await token(5);
  const requests = await Promise.all(Array.from({ length: 20 }, () => request(five)));
  const outcomes = await Promise.all(requests.map(([agentId, body]) => enrol(database.pool, agentId, body, now())));
  expect(outcomes.filter(({ kind }) => kind === 'enrolled')).toHaveLength(5);
  expect(outcomes.filter(({ kind }) => kind === 'unauthenticated')).toHaveLength(15);
});

test('the same enrolment sent many times at once is one enrolment, one use and one answer', async () => {
  const [agentId, body] = await request(await token(1));
  const outcomes = await Promise.all(Array.from({ length: 10 }, () => enrol(database.pool, agentId, body, now())));
  expect(new Set(outcomes.map((outcome) => JSON.stringify(outcome))).size).toBe(1);
  expect(outcomes[0]).toMatchObject({ kind: 'enrolled' });
  expect(await enrol(database.pool, agentId, body, now())).toEqual(outcomes[0]);
});

test('of ten agents that claim one unknown device at once, with tokens of their own, one gets it', async () => {
  const requests = await Promise.all(
    Array.from({ length: 10 }, async () => request(await token(), { deviceId: 'contested' })),
  );
  const outcomes = await Promise.all(requests.map(([agentId, body]) => enrol(database.pool, agentId, body, now())));
  expect(outcomes.filter(({ kind }) => kind === 'enrolled')).toHaveLength(1);
  expect(outcomes.filter(({ kind }) => kind === 'conflict')).toHaveLength(9);
  const { rows } = await database.pool.query(`SELECT agent_id FROM mitigation.endpoint WHERE device_id = 'contested'`);
  expect(rows).toEqual([{ agent_id: requests[outcomes.findIndex(({ kind }) => kind === 'enrolled')]?.[0] }]);
});

test('a refused enrolment uses up nothing of its token', async () => {
  const [, first] = await request(await token(), { deviceId: 'D-once' });
  const once = await token(1);
  await enrol(database.pool, 'holder'.padEnd(43, 'x'), first, now());
  const [intruder, body] = await request(once, { deviceId: 'D-once' });
  expect((await enrol(database.pool, intruder, body, now())).kind).toBe('conflict');
  const [honest, other] = await request(once);
  expect((await enrol(database.pool, honest, other, now())).kind).toBe('enrolled');
});

test('a token with replacesAgentId moves the endpoint: the old agent is replaced, the new one is its alias', async () => {
  const [oldAgent, first] = await request(await token(), { deviceId: 'D-moved' });
  const before = await enrol(database.pool, oldAgent, first, now());
  const [newAgent, second] = await request(await token(1, oldAgent), { deviceId: 'D-moved' });
  const after = await enrol(database.pool, newAgent, second, now());
  expect(after).toEqual({ ...before, replacedAgentId: oldAgent });
  const { rows } = await database.pool.query(
    `SELECT agent_id, status FROM mitigation.agent WHERE agent_id = ANY($1) ORDER BY status`,
    [[oldAgent, newAgent]],
  );
  expect(rows).toEqual([
    { agent_id: newAgent, status: 'active' },
    { agent_id: oldAgent, status: 'replaced' },
  ]);
  const changes = await database.pool.query(
    `SELECT reason, agent_id, replaced_agent_id FROM mitigation.endpoint_change WHERE agent_id = $1`,
    [newAgent],
  );
  expect(changes.rows).toEqual([{ reason: 'replaced', agent_id: newAgent, replaced_agent_id: oldAgent }]);
});

test('the token itself is nowhere in the database', async () => {
  const secret = await token();
  const { rows } = await database.pool.query('SELECT t::text AS row FROM mitigation.enrolment_token t');
  expect(rows.map(({ row }) => row).join()).not.toContain(secret.slice(-20));
});
