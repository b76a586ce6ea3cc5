import { randomUUID } from 'node:crypto';
import { topics } from '@quell/contracts/topics';
import { type VpnDecisionMessage, vpnDecisionMessage } from '@quell/contracts/vpn-decision';
import type { VpnDecision } from '@quell/contracts/vpn-policy-api';
import type { OutgoingMessage } from '@quell/messaging/broker';
import { createKafkaBroker } from '@quell/messaging/kafka';
import { createLog } from '@quell/service-kit/log';
import { eventually } from '@quell/testing/eventually';
import { testKafka } from '@quell/testing/kafka';
import fc from 'fast-check';
import pg from 'pg';
import { DecisionLog } from '../src/decision-log/decision-log.ts';
import { forgetDecisions } from '../src/decision-log/forget-decisions.ts';
import { publishStep } from '../src/decision-log/publish-decisions.ts';
import { anyAppleContext, anyApplePayload } from '../src/evaluation/requests.arbitrary.ts';
import { type RunningVpnPolicy, startVpnPolicy } from './running-vpn-policy.fixture.ts';

let running: RunningVpnPolicy;
beforeAll(async () => {
  running = await startVpnPolicy({ QUELL_VPN_DECISION_STATELESS: '1' });
});
afterAll(() => running.stop());
beforeEach(() => running.pool.query('DELETE FROM vpn_policy.decision'));

const reason = 'as agreed';
const call = (method: string, path: string, sent?: unknown) => running.call(method, `/v1/vpn${path}`, sent);
const wifi = { vpn: 'disconnected', network: { interface: 'WiFi', ssid: 'Cafe', primaryIsVirtual: false } };
const bodyOf = (payload: object) => ({ dialect: 'apple-mdm', payload });

async function published(payload: object): Promise<string> {
  const { body: policy } = await call('POST', '/policies', { name: 'x', body: bodyOf(payload), reason });
  const { blocking } = (await call('POST', `/policies/${policy.id}/validate`)).body;
  await call('POST', `/policies/${policy.id}/publish`, { reason, acceptFindings: blocking });
  return policy.id;
}
const logged = (id: string, query = '') =>
  eventually(async () => {
    const answer = await call('GET', `/decisions/${id}${query}`);
    return answer.status === 200 && answer.body;
  });

test('law: a decision that was logged is made again from the log as it was answered, trace and all', async () => {
  for (const payload of fc.sample(anyApplePayload, { numRuns: 8 })) {
    const id = await published({ ...payload, OnDemandEnabled: 1 });
    const answers = [];
    for (const context of fc.sample(anyAppleContext, { numRuns: 4 })) {
      const answer = await call('POST', `/policies/${id}/evaluate`, { deviceId: 'D-1', context });
      expect(answer.status).toBe(200);
      answers.push(answer.body);
    }
    // What the policy says by now is not what it said then.
    await call('PUT', `/policies/${id}/draft`, { name: 'y', body: bodyOf({ OnDemandEnabled: 0 }), reason });
    await call('POST', `/policies/${id}/publish`, { reason });
    for (const answer of answers) {
      expect(await logged(answer.id, '?trace=true')).toMatchObject({
        policyVersion: 1,
        deviceId: 'D-1',
        answer: answer.answer,
      });
    }
  }
});

test('of a context only what decides is kept: no other key, however deep, and no credential', async () => {
  const id = await published({ OnDemandEnabled: 1, OnDemandRules: [{ Action: 'Connect', SSIDMatch: ['Cafe'] }] });
  const probes = { 'https://ann:hunter2@probe.example.com/?token=hunter2': { error: 'at https://ann:hunter2@x' } };
  const network = { ...wifi.network, wifiPassword: 'hunter2' };
  const context = JSON.stringify({ ...wifi, network, probes, password: 'hunter2' });
  const sent = `${context.slice(0, -1)},"deep":${'['.repeat(50_000)}${']'.repeat(50_000)}}`;
  const { status, body: answer } = await call(
    'POST',
    `/policies/${id}/evaluate`,
    `{"deviceId":"D-9","context":${sent}}`,
  );
  expect(status).toBe(200);
  const { inputs } = await logged(answer.id);
  expect(JSON.stringify(inputs)).not.toContain('hunter2');
  expect(inputs.context).toMatchObject(wifi);
  expect(Object.keys(inputs.context).sort()).toEqual(['network', 'probes', 'vpn']);
  expect((await logged(answer.id, '?trace=true')).answer.decision).toBe('connect');
});

test('what a caller sent along with its policy is logged without secrets where the settings say so', async () => {
  const payload = { OnDemandEnabled: 1, OnDemandRules: [{ Action: 'Connect' }], SharedSecret: 'hunter2' };
  const { body: answer } = await call('POST', '/evaluate', { ...bodyOf(payload), context: wifi });
  const page = await eventually(async () => {
    const { body } = await call('GET', '/decisions');
    return body.items.length > 0 && body;
  });
  expect(page.items).toMatchObject([{ by: 'stateless', dialect: 'apple-mdm', decision: 'connect' }]);
  const whole = await logged(page.items[0].id, '?trace=true');
  expect(whole.answer).toEqual(answer);
  expect(whole.inputs.body.payload.SharedSecret).toBe('[withheld]');
  const { rows } = await running.pool.query('SELECT inputs FROM vpn_policy.decision');
  expect(JSON.stringify(rows)).not.toContain('hunter2');
});

test('the log pages through decisions, the last first, and filters them', async () => {
  const id = await published({
    OnDemandEnabled: 1,
    OnDemandRules: [{ Action: 'Disconnect', SSIDMatch: ['Cafe'] }, { Action: 'Connect' }],
  });
  const made: string[] = [];
  for (const [deviceId, ssid] of [
    ['D-1', 'Cafe'],
    ['D-1', 'Home'],
    ['D-2', 'Cafe'],
  ]) {
    const context = { ...wifi, network: { ...wifi.network, ssid } };
    made.unshift((await call('POST', `/policies/${id}/evaluate`, { deviceId, context })).body.id);
  }
  for (const one of made) await logged(one);
  const idsOf = async (query: string) => {
    const found: string[] = [];
    for (let cursor = ''; ; ) {
      const { body: page } = await call('GET', `/decisions?limit=1&policy=${id}${query}${cursor}`);
      found.push(...page.items.map((one: { id: string }) => one.id));
      if (page.nextCursor === undefined) return found;
      cursor = `&cursor=${page.nextCursor}`;
    }
  };
  expect(await idsOf('')).toEqual(made);
  expect(await idsOf('&device=D-1')).toEqual([made[1], made[2]]);
  expect(await idsOf('&decision=disconnect')).toEqual([made[0], made[2]]);
  expect(await idsOf('&since=2100-01-01T00:00:00Z')).toEqual([]);
  const { decidedAt } = await logged(made[1]!);
  expect(await idsOf(`&until=${decidedAt}`)).toEqual([made[1], made[2]]);
  expect(await idsOf('&reason=RULE_MATCHED_CATCHALL')).toEqual([made[1]]);
  expect(await idsOf('&reason=RULE_MATCHED_CATCHALL&reason=RULE_MATCHED')).toEqual(made);
  const posture = JSON.stringify({ action: 'disconnect', taskIds: [] });
  await running.pool.query('UPDATE vpn_policy.decision SET posture = $2 WHERE id = $1', [made[2], posture]);
  expect(await idsOf('&posture=true')).toEqual([made[2]]);
  expect(await idsOf('&posture=false')).toEqual([made[0], made[1]]);
  // The filter is called `device`: a name that is none must not list everything.
  const misnamed = await call('GET', '/decisions?deviceId=D-1');
  expect([misnamed.status, misnamed.body.errors[0].pointer]).toEqual([400, '/deviceId']);
});

const silent = createLog('test', 'silent');
const decisionOf = (deviceId: string, decision: string): VpnDecision => ({
  id: randomUUID(),
  decidedAt: new Date().toISOString(),
  deviceId,
  policy: { policyId: randomUUID(), name: 'x', version: 1, by: 'group' },
  answer: { decision, reason: 'RULE_MATCHED', dialect: 'apple-mdm' } as unknown as VpnDecision['answer'],
});
const settings = { sample: 1, durable: true, waiting: 100, waitingCharacters: 2 ** 20 };
const countOf = async () => (await running.pool.query('SELECT count(*)::int AS n FROM vpn_policy.decision')).rows[0].n;

test('with no sample at all a device leaves its first decision and each that is another one', async () => {
  const log = new DecisionLog(running.pool, silent, { ...settings, sample: 0 });
  const policyId = randomUUID();
  for (const decision of ['connect', 'connect', 'disconnect', 'disconnect', 'connect']) {
    const made = decisionOf('D-1', decision);
    log.keep({ ...made, policy: { ...made.policy!, policyId } }, { context: {} });
  }
  await log.close();
  const { rows } = await running.pool.query('SELECT decision FROM vpn_policy.decision ORDER BY decided_at, id');
  expect(rows.map(({ decision }) => decision).sort()).toEqual(['connect', 'connect', 'disconnect']);
});

test('whatever is sent along, however deep, a part of the decisions can be sampled', async () => {
  const deep = JSON.parse(`${'['.repeat(50_000)}${']'.repeat(50_000)}`);
  const log = new DecisionLog(running.pool, silent, { ...settings, sample: 0.5 });
  const { deviceId: _, ...made } = decisionOf('D-1', 'connect');
  expect(() => log.keep(made, { context: { ...wifi, deep } })).not.toThrow();
  await log.close();
});

test('what finds too many waiting is counted as lost; a database that is away is waited for', async () => {
  const log = new DecisionLog(running.pool, silent, { ...settings, durable: false, waiting: 3 });
  await running.pool.query('ALTER TABLE vpn_policy.decision RENAME TO hidden');
  for (let index = 0; index < 5; index++) log.keep(decisionOf(`D-${index}`, 'connect'), { context: {} });
  expect(log.figures).toEqual({ waiting: 3, lost: 2, early: 0 });
  await running.pool.query('ALTER TABLE vpn_policy.hidden RENAME TO decision');
  await log.close(30);
  expect([await countOf(), log.figures.waiting]).toEqual([3, 0]);
});

test('an answer waits until its decision is written, many in one statement; a database that is away holds none back', async () => {
  const log = new DecisionLog(running.pool, silent, settings);
  await Promise.all(Array.from({ length: 50 }, (_, n) => log.keep(decisionOf(`D-${n}`, 'connect'), { context: {} })));
  expect([await countOf(), log.figures]).toEqual([50, { waiting: 0, lost: 0, early: 0 }]);
  await running.pool.query('ALTER TABLE vpn_policy.decision RENAME TO hidden');
  await log.keep(decisionOf('D-1', 'disconnect'), { context: {} });
  await log.keep(decisionOf('D-2', 'disconnect'), { context: {} });
  expect(log.figures).toEqual({ waiting: 2, lost: 0, early: 2 });
  await running.pool.query('ALTER TABLE vpn_policy.hidden RENAME TO decision');
  await log.close(30);
  expect([await countOf(), log.figures.waiting]).toEqual([52, 0]);
});

test('a database that hangs holds no answer back for long', async () => {
  const log = new DecisionLog(running.pool, silent, settings);
  const client = await running.pool.connect();
  await client.query('BEGIN; LOCK TABLE vpn_policy.decision');
  await log.keep(decisionOf('D-1', 'connect'), { context: {} });
  expect(log.figures).toEqual({ waiting: 1, lost: 0, early: 1 });
  await client.query('COMMIT');
  client.release();
  await log.close(30);
  expect(await countOf()).toBe(1);
});

/** Makes a statement that writes decisions take so long, as a database that is overloaded does. */
async function slowWrites(seconds: number): Promise<() => Promise<unknown>> {
  await running.pool.query(`CREATE FUNCTION vpn_policy.slow() RETURNS trigger LANGUAGE plpgsql AS
      'BEGIN PERFORM pg_sleep(${seconds}); RETURN NULL; END';
    CREATE TRIGGER slow BEFORE INSERT ON vpn_policy.decision FOR EACH STATEMENT EXECUTE FUNCTION vpn_policy.slow()`);
  return () => running.pool.query('DROP TRIGGER slow ON vpn_policy.decision; DROP FUNCTION vpn_policy.slow');
}

test('an answer that stands behind many slow statements waits for them no longer than for one that hangs', async () => {
  const log = new DecisionLog(running.pool, silent, { ...settings, waiting: 5000 });
  const makeFast = await slowWrites(0.6);
  const answers = Array.from({ length: 3000 }, (_, n) => log.keep(decisionOf(`D-${n}`, 'connect'), { context: {} }));
  await Promise.all(answers);
  expect(log.figures.waiting).toBeGreaterThan(0);
  expect(log.figures.early).toBeGreaterThanOrEqual(log.figures.waiting);
  await makeFast();
  await log.close(30);
  expect([await countOf(), log.figures.waiting]).toEqual([3000, 0]);
});

test('while what an outage left is written, slowly, no answer waits behind it; later ones wait for their decision again', async () => {
  const log = new DecisionLog(running.pool, silent, { ...settings, waiting: 5000 });
  const makeFast = await slowWrites(0.6);
  await running.pool.query('ALTER TABLE vpn_policy.decision RENAME TO hidden');
  await Promise.all(Array.from({ length: 3000 }, (_, n) => log.keep(decisionOf(`D-${n}`, 'connect'), { context: {} })));
  expect(log.figures).toEqual({ waiting: 3000, lost: 0, early: 3000 });
  await running.pool.query('ALTER TABLE vpn_policy.hidden RENAME TO decision');
  await eventually(() => log.figures.waiting < 3000, { timeoutMs: 30_000 });
  await log.keep(decisionOf('D-1', 'disconnect'), { context: {} });
  expect(log.figures.early).toBe(3001);
  expect(log.figures.waiting).toBeGreaterThan(0);
  await makeFast();
  await eventually(() => log.figures.waiting === 0, { timeoutMs: 30_000 });
  await log.keep(decisionOf('D-1', 'connect'), { context: {} });
  expect([await countOf(), log.figures]).toEqual([3002, { waiting: 0, lost: 0, early: 3001 }]);
  await log.close();
});

test('a change that was lost is kept when the device is decided for again', async () => {
  const log = new DecisionLog(running.pool, silent, { ...settings, sample: 0, durable: false, waiting: 1 });
  const [first, second] = [decisionOf('D-1', 'connect'), decisionOf('D-2', 'connect')];
  for (const decision of [first, second]) log.keep(decision, { context: {} });
  expect(log.figures).toMatchObject({ waiting: 1, lost: 1 });
  await eventually(() => log.figures.waiting === 0);
  for (const decision of [first, second]) log.keep({ ...decision, id: randomUUID() }, { context: {} });
  await log.close();
  expect([await countOf(), log.figures]).toEqual([2, { waiting: 0, lost: 1, early: 0 }]);
});

test('the log closes, however long a statement of it hangs', async () => {
  const log = new DecisionLog(running.pool, silent, settings);
  const client = await running.pool.connect();
  await client.query('BEGIN; LOCK TABLE vpn_policy.decision');
  await log.keep(decisionOf('D-1', 'connect'), { context: {} });
  await log.close(0.1);
  expect(log.figures.waiting).toBe(1);
  await client.query('COMMIT');
  client.release();
  await eventually(async () => (await countOf()) === 1);
});

test('what waits is bounded by the size of its inputs too, and written in parts of a few megabytes', async () => {
  // As much as a context may hold: a thousand answers of probes with long addresses, about 1 MiB.
  const address = (n: number) => `https://probe.example.com/${n}/`.padEnd(1000, 'x');
  const probes = Object.fromEntries(Array.from({ length: 1024 }, (_, n) => [address(n), { status: 200 }]));
  const log = new DecisionLog(running.pool, silent, { ...settings, waitingCharacters: 6.5 * 2 ** 20 });
  const kept = Array.from({ length: 7 }, (_, n) => log.keep(decisionOf(`D-${n}`, 'connect'), { context: { probes } }));
  expect([kept[6], log.figures]).toEqual([undefined, { waiting: 6, lost: 1, early: 0 }]);
  await Promise.all(kept);
  const { rows } = await running.pool.query('SELECT count(DISTINCT xmin::text)::int AS n FROM vpn_policy.decision');
  expect([await countOf(), rows[0].n]).toEqual([6, 2]);
});

test('a decision that cannot be kept, as a probe of its policy carries a credential, is counted as lost', async () => {
  const URLStringProbe = 'https://ann:hunter2@probe.example.com/';
  const payload = { OnDemandEnabled: 1, OnDemandRules: [{ Action: 'Connect', URLStringProbe }] };
  const lost = async () => {
    const { body } = await running.call('GET', '/metrics');
    return Number(/^vpn_decisions_lost (\d+)$/m.exec(body)?.[1]);
  };
  const before = await lost();
  expect((await call('POST', '/evaluate', { ...bodyOf(payload), context: wifi })).status).toBe(200);
  expect(await lost()).toBe(before + 1);
});

test('requests of lines are logged as single ones are, before their answers are given', async () => {
  const request = { ...bodyOf({ OnDemandEnabled: 1, OnDemandRules: [{ Action: 'Connect' }] }), context: wifi };
  const lines = `${JSON.stringify(request)}\n`.repeat(700);
  const { body } = await running.call('POST', '/v1/vpn/evaluate/bulk', lines, {
    headers: { 'content-type': 'application/x-ndjson' },
  });
  expect([body.trimEnd().split('\n').length, await countOf()]).toEqual([700, 700]);
});

test('decisions reach Kafka at least once under their own id; one that was refused comes again', async () => {
  const log = new DecisionLog(running.pool, silent, settings);
  const decisions = Array.from({ length: 5 }, (_, index) => decisionOf(`D-${randomUUID()}-${index}`, 'connect'));
  const long = Array.from({ length: 64 }, (_, n) => `${n}.example.com`.padStart(255, 'x'));
  const contextOf = (deviceId: string | undefined) => ({
    network: {
      interface: 'WiFi',
      ssid: 'Cafe',
      ...(deviceId?.endsWith('-4') ? { searchDomains: long, dnsServers: long } : {}),
    },
  });
  for (const decision of decisions) {
    log.keep(decision, { context: { ...contextOf(decision.deviceId), secret: 'stays here' } });
  }
  await log.close();
  const client = new pg.Client({ connectionString: running.databaseUrl });
  await client.connect();
  const away = publishStep({ publish: () => Promise.reject(new Error('the broker is away')) });
  await expect(away(client)).rejects.toThrow('the broker is away');

  const broker = createKafkaBroker({ brokers: testKafka().brokers, clientId: 'vpn-decisions-test' });
  const sent: OutgoingMessage[] = [];
  const step = publishStep({
    publish: async (topic, messages) => {
      sent.push(...messages);
      return broker.publish(topic, messages);
    },
  });
  while (await step(client));
  expect(sent).toHaveLength(5);

  const seen = new Map<string, unknown>();
  const consumer = await broker.consume({
    group: `vpn-decisions-test-${randomUUID()}`,
    topics: [topics.vpnDecisions],
    handle: async ({ messages }) => {
      for (const { key, value, headers } of messages) {
        if (decisions.some(({ deviceId }) => deviceId === key)) {
          seen.set(headers.ce_id ?? '', vpnDecisionMessage.parse(JSON.parse(value!.toString())));
        }
      }
      return { nextOffset: messages.at(-1)!.offset + 1n };
    },
  });
  await eventually(() => seen.size === 5, { timeoutMs: 30_000 });
  expect([...seen.keys()].sort()).toEqual(decisions.map(({ id }) => id).sort());
  expect(JSON.stringify([...seen.values()])).not.toContain('stays here');
  expect(decisions.map(({ id }) => (seen.get(id) as VpnDecisionMessage).inputs?.context)).toEqual([
    ...decisions.slice(0, 4).map(({ deviceId }) => contextOf(deviceId)),
    undefined,
  ]);
  await consumer.stop();
  await broker.close();

  const inADay = new Date(Date.now() + 86_400_000);
  await running.pool.query('UPDATE vpn_policy.decision SET published = false WHERE id = $1', [decisions[0]!.id]);
  expect(await forgetDecisions(running.pool, inADay)).toBe(4);
  expect(await countOf()).toBe(1);
  await client.end();
});
