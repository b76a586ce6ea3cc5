import { randomUUID } from 'node:crypto';
import { inTransaction } from '@quell/service-kit/transaction';
import { type TestDatabase, testDatabase } from '../database/test-database.fixture.ts';
import { pruneHostIntervals, recordHost } from './host-record.ts';
import { type HintAt, loadEndpoint, matchEndpoints } from './match-endpoints.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await testDatabase();
});
afterAll(() => database.drop());

const hour = (n: number) => new Date(Date.UTC(2026, 10, 1, n));
const agentId = (name: string) => name.padEnd(43, '_');

async function endpoint(aliases: { deviceId?: string; agentId?: string } = {}): Promise<string> {
  const id = randomUUID();
  await database.pool.query('INSERT INTO mitigation.endpoint (endpoint_id, device_id, agent_id) VALUES ($1, $2, $3)', [
    id,
    aliases.deviceId,
    aliases.agentId,
  ]);
  return id;
}

function report(id: string, at: Date, host: { hostname?: string; ips?: string[]; macs?: string[] }): Promise<boolean> {
  const facts = { hostname: 'unnamed', ips: [], macs: [], platform: 'linux' as const, osVersion: '6.1', ...host };
  return inTransaction(database.pool, (client) => recordHost(client, id, { host: facts }, at));
}

const match = (hints: readonly HintAt[]) => inTransaction(database.pool, (client) => matchEndpoints(client, hints));
const at = (n: number, hint: HintAt['hint']): HintAt => ({ hint, detectedAt: hour(n).toISOString() });
const matched = (endpointId: string) => ({ outcome: 'matched', endpoint: { endpointId } });

test('an address means the endpoint that held it when the detection was made', async () => {
  const [one, two] = [await endpoint(), await endpoint()];
  await report(one, hour(1), { hostname: 'one', ips: ['198.51.100.1'] });
  await report(one, hour(5), { hostname: 'one', ips: ['198.51.100.2'] });
  await report(two, hour(7), { hostname: 'two', ips: ['198.51.100.1'] });
  const ip = { ips: ['198.51.100.1'] };
  expect(await match([at(0, ip), at(1, ip), at(4, ip), at(6, ip), at(8, ip)])).toMatchObject([
    { outcome: 'unknown' },
    matched(one),
    matched(one),
    { outcome: 'unknown' },
    matched(two),
  ]);
});

test('a name means whoever has it now or had it then: two of them are ambiguous', async () => {
  const [old, young] = [await endpoint(), await endpoint()];
  await report(old, hour(1), { hostname: 'reused' });
  await report(old, hour(3), { hostname: 'renamed' });
  await report(young, hour(4), { hostname: 'REUSED.' });
  const name = { hostname: 'reused' };
  // Before anybody enrolled: an unresolved detection finds its endpoint once the agent is there.
  expect(await match([at(0, name), at(5, name)])).toMatchObject([matched(young), matched(young)]);
  expect(await match([at(2, name)])).toMatchObject([
    {
      outcome: 'ambiguous',
      candidates: expect.arrayContaining([
        expect.objectContaining({ endpointId: old }),
        expect.objectContaining({ endpointId: young }),
      ]),
    },
  ]);
});

test('an agent that was replaced still names its endpoint, whose current agent is in the answer', async () => {
  const current = agentId('current');
  const id = await endpoint({ agentId: current, deviceId: 'D-aliases' });
  await report(id, hour(1), { hostname: 'aliases', ips: ['198.51.100.20'] });
  for (const [agent, status] of [
    [agentId('former'), 'replaced'],
    [current, 'active'],
  ]) {
    await database.pool.query(
      `INSERT INTO mitigation.agent (agent_id, public_key, endpoint_id, enrolment_id, status) VALUES ($1, '{}', $2, $3, $4)`,
      [agent, id, randomUUID(), status],
    );
  }
  const expected = {
    outcome: 'matched',
    by: 'agentId',
    endpoint: {
      endpointId: id,
      agentId: current,
      deviceId: 'D-aliases',
      hostname: 'aliases',
      ips: ['198.51.100.20'],
      platform: 'linux',
    },
  };
  expect(await match([at(2, { agentId: agentId('former') }), at(2, { agentId: current })])).toEqual([
    expected,
    expected,
  ]);
  expect(await inTransaction(database.pool, (client) => loadEndpoint(client, id))).toEqual(expected.endpoint);
});

test('a device without an agent is found by its device ID', async () => {
  const id = await endpoint({ deviceId: 'D-alone' });
  expect(await match([at(1, { deviceId: 'D-alone' }), at(1, { deviceId: 'D-nobody' })])).toMatchObject([
    { ...matched(id), endpoint: { endpointId: id, deviceId: 'D-alone', ips: [] } },
    { outcome: 'unknown' },
  ]);
});

test('an address that a crowd holds identifies nobody, and the rest of the hint decides', async () => {
  const crowd = await Promise.all(Array.from({ length: 51 }, () => endpoint()));
  for (const [index, id] of crowd.entries())
    await report(id, hour(1), { hostname: `crowd-${index}`, ips: ['172.17.0.1', `198.51.100.${100 + index}`] });
  expect(await match([at(2, { ips: ['172.17.0.1'] }), at(2, { ips: ['172.17.0.1', '198.51.100.107'] })])).toMatchObject(
    [{ outcome: 'ambiguous' }, matched(crowd[7]!)],
  );
});

test('many hints are one query, which only reads, and the answers stand in their order', async () => {
  const ids = await Promise.all(Array.from({ length: 5 }, (_, index) => endpoint({ deviceId: `D-order-${index}` })));
  const hints = Array.from({ length: 500 }, (_, index) => at(1, { deviceId: `D-order-${(index * 7) % 6}` }));
  const answers = await inTransaction(database.pool, async (client) => {
    let queries = 0;
    const counted = new Proxy(client, {
      get: (target, member) => {
        if (member === 'query') queries += 1;
        const value = Reflect.get(target, member);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    const found = await matchEndpoints(counted, hints);
    expect(queries).toBe(1);
    const { rows } = await client.query('SELECT pg_current_xact_id_if_assigned() AS xid');
    expect(rows[0].xid).toBeNull();
    return found;
  });
  expect(answers.map((answer) => (answer.outcome === 'matched' ? answer.endpoint.endpointId : undefined))).toEqual(
    hints.map((_, index) => ids[(index * 7) % 6]),
  );
});

test('the same report again changes nothing; a name or address that comes or goes does', async () => {
  const id = await endpoint();
  expect(
    await report(id, hour(1), { hostname: 'same', ips: ['198.51.100.60', '127.0.0.1'], macs: ['00:1b:21:00:00:60'] }),
  ).toBe(true);
  expect(await report(id, hour(2), { hostname: 'same', ips: ['198.51.100.60'], macs: ['00:1b:21:00:00:60'] })).toBe(
    false,
  );
  expect(await report(id, hour(3), { hostname: 'same', ips: [], macs: ['00:1b:21:00:00:60'] })).toBe(true);
  const { rows } = await database.pool.query(
    `SELECT kind, held_from, held_to FROM mitigation.host_interval WHERE endpoint_id = $1 ORDER BY kind`,
    [id],
  );
  expect(rows).toEqual([
    { kind: 'hostname', held_from: hour(1), held_to: null },
    { kind: 'ip', held_from: hour(1), held_to: hour(3) },
    { kind: 'mac', held_from: hour(1), held_to: null },
  ]);
});

test('what ended more than 30 days ago is forgotten, what is held is kept', async () => {
  const id = await endpoint();
  await report(id, hour(0), { hostname: 'old-name' });
  await report(id, hour(1), { hostname: 'new-name' });
  const names = async () =>
    (
      await database.pool.query(`SELECT value FROM mitigation.host_interval WHERE endpoint_id = $1 ORDER BY value`, [
        id,
      ])
    ).rows.map(({ value }) => value);
  await pruneHostIntervals(database.pool, hour(1 + 30 * 24));
  expect(await names()).toEqual(['new-name', 'old-name']);
  await pruneHostIntervals(database.pool, hour(2 + 30 * 24));
  expect(await names()).toEqual(['new-name']);
});
