import { randomUUID } from 'node:crypto';
import { eventually } from '@quell/testing/eventually';
import { openScan } from '../../commands/open-scan.ts';
import { type TestDatabase, testDatabase } from '../../database/test-database.fixture.ts';
import { handOut } from '../../delivery/hand-out.ts';
import { defaultPolicy, effectivePolicy } from '../../policy/policy.ts';
import { testAgent } from '../signature/signing.fixture.ts';
import { enrol } from './enrol.ts';
import { makeToken } from './tokens.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await testDatabase();
});
afterAll(() => database.drop());

const policy = effectivePolicy(defaultPolicy());

async function enrolOn(deviceId: string, replacesAgentId?: string) {
  const { agentId, publicKey } = await testAgent();
  const wanted = { expiresInSeconds: 60, maxUses: 1, replacesAgentId };
  const { enrolmentToken } = await makeToken(database.pool, wanted, 'test', new Date());
  const host = { hostname: 'desk', ips: [], macs: [], platform: 'linux' as const, osVersion: '6.1', deviceId };
  const body = { enrolmentToken, enrolmentId: randomUUID(), publicKey, host };
  const outcome = await enrol(database.pool, agentId, body, new Date());
  if (outcome.kind !== 'enrolled') throw new Error(outcome.kind);
  return { agentId, endpointId: outcome.endpointId };
}

const ask = (agent: { agentId: string; endpointId: string }) =>
  handOut(database.pool, policy, { ...agent, bootId: 'boot', capabilities: ['scan'] }, randomUUID());

test('work goes to the agent that holds the endpoint now, not to one whose check-in was held while it was replaced', async () => {
  const old = await enrolOn('D1');
  const young = await enrolOn('D1', old.agentId);
  expect(young.endpointId).toBe(old.endpointId);
  const request = { kind: 'on-demand-scan', severity: 0, endpoint: { deviceId: 'D1' } } as const;
  const opened = await openScan(database.pool, policy, request, { actor: 'test' });
  expect(opened.ok).toBe(true);
  expect(await ask(old)).toEqual([]);
  expect(await ask(young)).toMatchObject([{ kind: 'on-demand-scan', run: 1, attempt: 1 }]);
});

test('an endpoint does not move while a hand-out on it is under way', async () => {
  const old = await enrolOn('D2');
  const handingOut = await database.pool.connect();
  await handingOut.query('BEGIN');
  await handingOut.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 7))', [old.endpointId]);
  let moved = false;
  const move = enrolOn('D2', old.agentId).then(() => {
    moved = true;
  });
  await eventually(async () => {
    const { rows } = await database.pool.query(
      `SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
         AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
    );
    return rows.length === 1;
  });
  expect(moved).toBe(false);
  await handingOut.query('COMMIT');
  handingOut.release();
  await move;
  expect(moved).toBe(true);
});
