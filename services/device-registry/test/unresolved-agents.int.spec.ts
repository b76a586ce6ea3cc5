import { randomUUID } from 'node:crypto';
import type { AgentRecord } from '@quell/contracts/agent-record';
import { createPool } from '@quell/service-kit/database';
import { createLog } from '@quell/service-kit/log';
import { inTransaction } from '@quell/service-kit/transaction';
import type pg from 'pg';
import { loadAgents, saveAgents } from '../src/agents/agent-rows.ts';
import { agentRecordOf, newMac } from '../src/agents/agents.fixture.ts';
import { takeAgents } from '../src/agents/take-agents.ts';
import { type RunningRegistry, startRegistry } from './running-registry.fixture.ts';

let registry: RunningRegistry;
let pool: pg.Pool;
beforeAll(async () => {
  registry = await startRegistry();
  pool = createPool({ connectionString: registry.database.url, max: 4 }, createLog('test', 'silent'));
});
afterAll(async () => {
  await pool.end();
  await registry.stop();
});

const take = (record: AgentRecord) =>
  inTransaction(pool, (client) =>
    takeAgents(client, [{ kind: 'record', record, causeId: randomUUID(), at: new Date() }]),
  );
const known = async (macs: string[]): Promise<string> =>
  (await registry.call('POST', '/v1/devices', { id: randomUUID(), macs })).body.id;
const assign = ({ agentId }: AgentRecord, deviceId: string) =>
  registry.call('POST', `/v1/devices/unresolved-agents/${agentId}/assign`, { deviceId });
const waiting = async ({ agentId }: AgentRecord): Promise<boolean> => {
  const { body } = await registry.call('GET', '/v1/devices/unresolved-agents?limit=500');
  return body.items.some((one: { agentId: string }) => one.agentId === agentId);
};
const next = (record: AgentRecord, more: Partial<AgentRecord> = {}): AgentRecord => ({
  ...record,
  version: record.version + 1,
  ...more,
});

/** An agent that either of two devices may have. */
async function unclear() {
  const mac = newMac();
  const devices = [await known([mac]), await known([mac])] as const;
  const record = agentRecordOf({ macs: [mac], hostname: 'unclear', ips: ['192.0.2.7'] });
  await take(record);
  expect(await waiting(record)).toBe(true);
  return { record, devices };
}

test('an agent whose device is not clear runs on the one that somebody says, who stands in its history, and stays there', async () => {
  const { record, devices } = await unclear();
  const answer = await assign(record, devices[1]);
  expect(answer.status).toBe(200);
  expect(answer.headers.get('etag')).toBe(`"${answer.body.version}"`);
  expect(answer.headers.get('x-quell-position')).toMatch(/^\d+-\d+$/);
  expect(answer.body).toMatchObject({ id: devices[1], agentId: record.agentId, hostnames: ['unclear'] });
  expect(await waiting(record)).toBe(false);

  const again = await assign(record, devices[1]);
  expect([again.status, again.body]).toEqual([200, answer.body]);
  await take(next(record, { hostname: 'renamed' }));
  const after = await registry.call('GET', `/v1/devices/${devices[1]}`);
  expect(after.body).toMatchObject({ agentId: record.agentId, hostnames: ['renamed'] });
  const { items } = (await registry.call('GET', `/v1/devices/${devices[1]}/history`)).body;
  expect(items.map(({ type, actor }: { type: string; actor: string }) => [type, actor.split(':')[0]])).toEqual([
    ['DeviceRegistered', 'key'],
    ['DeviceIdentified', 'key'],
    ['DeviceIdentified', 'agent'],
  ]);
});

test('what cannot be decided so is refused with the reason', async () => {
  const { record, devices } = await unclear();
  expect((await assign(agentRecordOf(), devices[0])).status).toBe(404);
  const unknown = await assign(record, 'nobody');
  expect([unknown.status, unknown.body.detail]).toEqual([409, expect.stringContaining('no device nobody')]);
  const gone = await known([]);
  await registry.call('DELETE', `/v1/devices/${gone}`);
  expect((await assign(record, gone)).body).toMatchObject({ status: 409, detail: expect.stringContaining('retired') });
  expect((await assign(record, devices[0])).status).toBe(200);
  const other = await assign(record, devices[1]);
  expect([other.status, other.body.detail]).toEqual([409, expect.stringContaining(`runs on the device ${devices[0]}`)]);
  const ended = await unclear();
  await take(next(ended.record, { status: 'revoked' }));
  expect((await assign(ended.record, ended.devices[0])).body.detail).toContain('revoked');
});

test('a record of the agent that was looked at before it was assigned does not take the device away again', async () => {
  const { record, devices } = await unclear();
  // What a consumer that had found no device writes after the decision was committed.
  const match = { kind: 'unresolved' as const, candidates: [...devices], reason: 'several devices have its MACs' };
  expect((await assign(record, devices[0])).status).toBe(200);
  await inTransaction(pool, (client) => saveAgents(client, [{ record: next(record), match }]));
  expect(await loadAgents(pool, { agentIds: [record.agentId] })).toMatchObject([
    { version: 2, device_id: devices[0], matched_by: 'assigned', reason: null, candidates: [] },
  ]);
});

test('of two who decide at the same time one is heard, and the other is told', async () => {
  const { record, devices } = await unclear();
  const answers = await Promise.all(devices.map((device) => assign(record, device)));
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 409]);
});
