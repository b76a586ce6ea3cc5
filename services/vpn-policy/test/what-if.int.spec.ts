import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { Agent, type IncomingMessage, request } from 'node:http';
import { JobRunner } from '@quell/service-kit/jobs/job-runner';
import { createLog } from '@quell/service-kit/log';
import { inTransaction } from '@quell/service-kit/transaction';
import { eventually } from '@quell/testing/eventually';
import { SCHEMA } from '../src/database/schema.ts';
import { writeDecisions } from '../src/decision-log/write-decisions.ts';
import { takeTaskRecords } from '../src/posture-store/take-task-records.ts';
import { pruneParts } from '../src/what-if/parts.ts';
import { whatIfJob } from '../src/what-if/what-if-job.ts';
import { type RunningVpnPolicy, startVpnPolicy } from './running-vpn-policy.fixture.ts';

let running: RunningVpnPolicy;
beforeAll(async () => {
  running = await startVpnPolicy();
});
afterAll(() => running.stop());

const reason = 'as agreed';
const call = (method: string, path: string, sent?: unknown, headers = {}) =>
  running.call(method, `/v1/vpn${path}`, sent, { headers });
const bodyOf = (...OnDemandRules: object[]) => ({
  dialect: 'apple-mdm',
  payload: { OnDemandEnabled: 1, OnDemandRules },
});
const contextIn = (ssid: string) => ({
  vpn: 'disconnected',
  network: { interface: 'WiFi', ssid, primaryIsVirtual: false },
});
const lines = (ssids: readonly string[]) => ssids.map((ssid) => JSON.stringify(contextIn(ssid))).join('\n');
const upload = (query: string, text: string) =>
  call('POST', `/what-if?${query}`, text, { 'content-type': 'application/x-ndjson' });

/** In force: connect everywhere. Draft: not at home. */
async function policy(): Promise<string> {
  const { body } = await call('POST', '/policies', { name: 'x', body: bodyOf({ Action: 'Connect' }), reason });
  await call('POST', `/policies/${body.id}/publish`, { reason });
  const draft = bodyOf({ Action: 'Ignore', SSIDMatch: ['Home'] }, { Action: 'Connect' });
  await call('PUT', `/policies/${body.id}/draft`, { name: 'x', body: draft, reason });
  return body.id;
}

/** What does jobs, as on one replica. */
const replica = () =>
  new JobRunner({
    pool: running.pool,
    schema: SCHEMA,
    kinds: [whatIfJob(running.pool)],
    log: createLog('test', 'silent'),
    pollSeconds: 0.05,
  });
const ended = (id: string) =>
  eventually(
    async () => {
      const { body: job } = await call('GET', `/what-if/${id}`);
      return ['succeeded', 'failed', 'cancelled'].includes(job.state) && job;
    },
    { timeoutMs: 60_000 },
  );
const partsOf = async (id: string) =>
  (await running.pool.query('SELECT count(*)::int AS n FROM vpn_policy.what_if_part WHERE job_id = $1', [id])).rows[0]
    .n;

test('a few contexts are answered at once: what the draft decides otherwise than the version in force, with examples', async () => {
  const policyId = await policy();
  const { status, body } = await upload(`policyId=${policyId}`, `${lines(['Home', 'Cafe', 'Home'])}\n{"vpn":7}\n`);
  expect([status, body]).toEqual([
    200,
    {
      contexts: 4,
      changed: 2,
      failed: 1,
      outcomes: [
        {
          from: 'connect',
          to: 'ignore',
          count: 2,
          examples: [expect.objectContaining({ line: 1 }), expect.objectContaining({ line: 3 })],
        },
        { from: 'connect', to: 'connect', count: 1, examples: [] },
      ],
    },
  ]);
  expect((await upload(`policyId=${policyId}&version=1`, lines(['Home']))).body.changed).toBe(0);
  expect((await upload(`policyId=${policyId}&version=9`, lines(['Home']))).status).toBe(404);
  expect((await upload('', lines(['Home']))).body.errors[0].pointer).toBe('/policyId');
});

test('a caller who is still sending gets the refusal, and may go on with the connection', async () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const answers: [number, boolean][] = [];
  for (const policyId of [randomUUID(), randomUUID()]) {
    const sent = request(`${running.service.url}/v1/vpn/what-if?policyId=${policyId}`, {
      method: 'POST',
      agent,
      headers: { authorization: `Bearer ${running.key}`, 'content-type': 'application/x-ndjson' },
    });
    sent.write(`${lines(['Home'])}\n`);
    const [answer] = (await once(sent, 'response')) as [IncomingMessage];
    answers.push([answer.statusCode!, sent.reusedSocket]);
    expect(JSON.parse((await answer.toArray()).join('')).detail).toContain(policyId);
    sent.end('x'.repeat(1_000_000));
    await once(sent, 'close');
  }
  expect(answers).toEqual([
    [404, false],
    [404, true],
  ]);
  agent.destroy();
});

test('a caller who never ends sending after the refusal loses the connection', async () => {
  const sent = request(`${running.service.url}/v1/vpn/what-if?policyId=${randomUUID()}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${running.key}`, 'content-type': 'application/x-ndjson' },
  });
  sent.on('error', () => undefined);
  sent.write(`${lines(['Home'])}\n`);
  const [answer] = (await once(sent, 'response')) as [IncomingMessage];
  expect([answer.statusCode, (await answer.toArray()).length]).toEqual([404, 1]);
  const closed = once(sent, 'close');
  const part = Buffer.alloc(2 ** 20, 'x');
  for (let n = 0; n < 256 && !sent.destroyed; n++) {
    if (!sent.write(part)) await Promise.race([once(sent, 'drain'), closed]);
  }
  expect(sent.destroyed).toBe(true);
});

test('a caller who is still sending contexts when the service stops hears that it is to send them again', async () => {
  const stopping = await startVpnPolicy();
  const drafted = { name: 'x', body: bodyOf({ Action: 'Connect' }), reason };
  const { body: made } = await stopping.call('POST', '/v1/vpn/policies', drafted);
  const sent = request(`${stopping.service.url}/v1/vpn/what-if?policyId=${made.id}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${stopping.key}`, 'content-type': 'application/x-ndjson' },
  });
  const kept = async () => (await stopping.pool.query('SELECT FROM vpn_policy.what_if_part')).rowCount;
  sent.write(`${lines(Array(3000).fill('Home'))}\n`);
  await eventually(async () => (await kept()) !== 0);
  const stopped = stopping.stop();
  const answered = once(sent, 'response') as Promise<[IncomingMessage]>;
  sent.write(`${lines(Array(3000).fill('Home'))}\n`);
  const [answer] = await answered;
  expect([answer.statusCode, JSON.parse((await answer.toArray()).join('')).detail]).toEqual([
    503,
    'The service is stopping. Send it again.',
  ]);
  sent.end();
  await stopped;
});

test('many contexts become a job; a replica that stops in the middle is followed by another, and nothing counts twice', async () => {
  const policyId = await policy();
  const names = Array.from({ length: 30_000 }, (_, index) => (index % 3 === 0 ? 'Home' : `Cafe ${index}`));
  const { status, headers, body: queued } = await upload(`policyId=${policyId}`, `${lines(names)}\nno JSON\n`);
  expect([status, headers.get('location'), queued.state]).toEqual([202, `/v1/vpn/what-if/${queued.id}`, 'queued']);
  expect(await partsOf(queued.id)).toBeGreaterThan(20);
  // The draft that is tried is the one of then.
  await call('PUT', `/policies/${policyId}/draft`, { name: 'x', body: bodyOf({ Action: 'Disconnect' }), reason });

  const first = replica();
  first.start();
  await eventually(async () => (await call('GET', `/what-if/${queued.id}`)).body.progress.done > 0);
  await first.stop();
  const second = replica();
  second.start();
  const job = await ended(queued.id);
  await second.stop();
  expect(job).toMatchObject({
    state: 'succeeded',
    progress: { done: 30_001, total: 30_001, failed: 1 },
    result: {
      contexts: 30_001,
      changed: 10_000,
      failed: 1,
      outcomes: [
        { from: 'connect', to: 'connect', count: 20_000, examples: [] },
        { from: 'connect', to: 'ignore', count: 10_000 },
      ].sort((a, b) => Number(a.from === a.to) - Number(b.from === b.to)),
    },
  });
  expect((await call('GET', `/what-if/${queued.id}/errors`)).body.items).toEqual([
    { line: 30_001, detail: expect.stringContaining('not JSON') },
  ]);
  expect(await partsOf(queued.id)).toBe(0);
});

test('the same Idempotency-Key makes one job, of lines or of decisions; with another body it is refused', async () => {
  const policyId = await policy();
  const send = (text: string, key = 'again') =>
    call('POST', `/what-if?policyId=${policyId}`, text, {
      'content-type': 'application/x-ndjson',
      'idempotency-key': key,
    });
  const allParts = async () => (await running.pool.query('SELECT FROM vpn_policy.what_if_part')).rowCount;
  const many = lines(Array(3000).fill('Home'));
  const first = await send(many);
  const kept = await allParts();
  await call('PUT', `/policies/${policyId}/draft`, { name: 'x', body: bodyOf({ Action: 'Disconnect' }), reason });
  const second = await send(many);
  expect([second.status, second.headers.get('location')]).toEqual([202, first.headers.get('location')]);
  expect(second.body.id).toBe(first.body.id);
  expect((await send(`${many}\n`)).status).toBe(422);
  expect(await allParts()).toBe(kept);
  const other = await send(many, 'another');
  expect(other.body.id).not.toBe(first.body.id);
  expect((await send(many, 'x'.repeat(257))).status).toBe(400);
  expect(await allParts()).toBe(kept! * 2);
  for (const { body } of [first, other]) await call('POST', `/what-if/${body.id}/cancel`);

  const record = { policyId, policyVersion: 1, by: 'group', dialect: 'apple-mdm', decision: 'connect' } as const;
  const decidedAt = new Date(Date.UTC(2026, 10, 23)).toISOString();
  const rows = Array.from({ length: 2001 }, () => ({
    record: { id: randomUUID(), decidedAt, ...record },
    inputs: JSON.stringify({ context: contextIn('Home') }),
  }));
  await writeDecisions(running.pool, rows);
  const decisions = (body: object) => call('POST', '/what-if', body, { 'idempotency-key': 'decisions' });
  const made = await decisions({ policyId });
  expect(made.status).toBe(202);
  await running.pool.query('DELETE FROM vpn_policy.decision WHERE policy_id = $1', [policyId]);
  expect(await decisions({ policyId })).toMatchObject({ status: 202, body: { id: made.body.id } });
  expect((await decisions({ policyId, version: 1 })).status).toBe(422);
  await call('POST', `/what-if/${made.body.id}/cancel`);
});

test('what was uploaded for a job that is cancelled goes with it', async () => {
  const { body: queued } = await upload(`policyId=${await policy()}`, lines(Array(3000).fill('Home')));
  expect((await call('POST', `/what-if/${queued.id}/cancel`)).body.state).toBe('cancelled');
  expect(await partsOf(queued.id)).toBeGreaterThan(0);
  await eventually(async () => (await pruneParts(running.pool)) === 0);
  expect(await partsOf(queued.id)).toBe(0);
});

test('recorded decisions are made again by the draft, with what stood unresolved then: few at once, more as a job', async () => {
  const policyId = await policy();
  const task = {
    taskId: randomUUID(),
    threatKey: 'sha256:a',
    status: 'mitigation-in-progress' as const,
    severity: 4 as const,
    since: '2026-11-23T10:00:00Z',
    acknowledged: false,
  };
  const recorded = (count: number, unresolved: boolean) =>
    writeDecisions(
      running.pool,
      Array.from({ length: count }, (_, index) => ({
        record: {
          id: randomUUID(),
          decidedAt: new Date(Date.UTC(2026, 10, 23) + (index % 50)).toISOString(),
          deviceId: `D-${index}`,
          policyId,
          policyVersion: 1,
          by: 'group' as const,
          dialect: 'apple-mdm' as const,
          decision: 'connect',
          reason: 'RULE_MATCHED_CATCHALL',
        },
        inputs: JSON.stringify({
          context: contextIn(index % 2 === 0 ? 'Home' : 'Cafe'),
          ...(unresolved ? { unresolved: [task] } : {}),
        }),
      })),
    );
  await recorded(10, true);
  const few = await call('POST', '/what-if', { policyId });
  expect(few.body).toMatchObject({
    contexts: 10,
    changed: 5,
    outcomes: [{ from: 'connect', to: 'ignore', count: 5 }, { count: 5 }],
  });
  expect(few.body.outcomes[0].examples[0]).toMatchObject({
    deviceId: expect.stringMatching(/^D-/),
    context: contextIn('Home'),
  });

  await recorded(3, false);
  const content = { body: bodyOf({ Action: 'Connect' }), posture: { action: { kind: 'disconnect' } } };
  const withPosture = await call('POST', '/what-if', { content, decisions: { policy: policyId } });
  expect(withPosture.body).toMatchObject({
    contexts: 13,
    changed: 10,
    postureUnknown: 3,
    outcomes: [{ from: 'connect', to: 'disconnect', count: 10 }],
  });
  expect(
    (await call('POST', '/what-if', { content, decisions: { policy: policyId, device: 'D-7' } })).body.contexts,
  ).toBe(1);
  const foreign = { body: { dialect: 'globalprotect', settings: { connectMethod: 'on-demand' } } };
  expect((await call('POST', '/what-if', { content: foreign, decisions: { policy: policyId } })).body.contexts).toBe(0);

  await recorded(4000, false);
  const many = await call('POST', '/what-if', { policyId, decisions: { limit: 3500 } });
  expect(many.status).toBe(202);
  const runner = replica();
  runner.start();
  const job = await ended(many.body.id);
  await runner.stop();
  expect([job.state, job.result.contexts, job.progress.done]).toEqual(['succeeded', 3500, 3500]);
  expect((await call('POST', '/what-if', { policyId, content })).body.errors[0].pointer).toBe('/policyId');
});

test('a draft that is the first to look at posture is tried with what stood unresolved when others did not look', async () => {
  const policyId = await policy();
  const at = '2026-11-23T10:00:00Z';
  const ids: string[] = [];
  for (const deviceId of ['P-1', 'P-2', 'P-3']) {
    if (deviceId !== 'P-3') {
      const endpoint = { endpointId: randomUUID(), deviceId, ips: [] };
      const facts = { kind: 'threat-mitigation' as const, threatKeys: ['sha256:a'], severity: 4 as const };
      const status = 'mitigation-in-progress' as const;
      const after = { ...facts, status, acknowledged: false, endpoint, version: 1, runOpenedAt: at };
      await inTransaction(running.pool, (client) => takeTaskRecords(client, [{ taskId: randomUUID(), at, after }]));
    }
    const { body } = await call('POST', `/policies/${policyId}/evaluate`, { deviceId, context: contextIn('Cafe') });
    ids.push(body.id);
  }
  for (const id of ids) await eventually(async () => (await call('GET', `/decisions/${id}`)).status === 200);
  const draft = { name: 'x', body: bodyOf({ Action: 'Connect' }), posture: { action: { kind: 'disconnect' } }, reason };
  await call('PUT', `/policies/${policyId}/draft`, draft);
  const { body: answer } = await call('POST', '/what-if', { policyId });
  expect(answer).toMatchObject({
    contexts: 3,
    changed: 2,
    outcomes: [
      { from: 'connect', to: 'disconnect', count: 2 },
      { from: 'connect', to: 'connect', count: 1 },
    ],
  });
  expect(answer).not.toHaveProperty('postureUnknown');
});
