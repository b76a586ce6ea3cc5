import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Agent, type IncomingMessage, request } from 'node:http';
import { vpnBulkLine, vpnEvaluateAnswer } from '@quell/contracts/vpn-evaluate';
import { type RunningVpnPolicy, startVpnPolicy } from './running-vpn-policy.fixture.ts';

type Case = { id: string; title: string; expect: object; dialect?: string };
const groups: Record<string, Case[]> = JSON.parse(
  readFileSync(new URL('./fixtures/cases.json', import.meta.url), 'utf8'),
);
const cases = Object.entries(groups).flatMap(([group, list]) =>
  list.map(({ id, title, expect: expected, ...rest }) => {
    const dialect = group === 'apple' ? {} : { dialect: group };
    return { id, title, expected, request: { ...dialect, ...rest } };
  }),
);

let running: RunningVpnPolicy;
beforeAll(async () => {
  running = await startVpnPolicy();
});
afterAll(() => running.stop());

const bulk = (lines: readonly string[], query = '') =>
  running.call('POST', `/v1/vpn/evaluate/bulk${query}`, lines.join('\n'), {
    headers: { 'content-type': 'application/x-ndjson' },
  });
const read = (text: string) =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => vpnBulkLine.parse(JSON.parse(line)));

test('every case of the specification, over HTTP, gets the answer that it expects, with a trace', async () => {
  expect(cases).toHaveLength(65);
  for (const { id, title, expected, request: body } of cases) {
    const { status, body: answer } = await running.call('POST', '/v1/vpn/evaluate', body);
    expect({ id, title, status }).toEqual({ id, title, status: 200 });
    expect({ id, ...answer }).toMatchObject({ id, ...expected });
    expect(vpnEvaluateAnswer.parse(answer)).toEqual(answer);
  }
});

test('the same cases in one request of lines are answered line by line, in order, as one by one', async () => {
  const { status, headers, body } = await bulk(cases.map((one) => JSON.stringify(one.request)));
  expect(status).toBe(200);
  expect(headers.get('content-type')).toBe('application/x-ndjson');
  const lines = read(body);
  expect(lines.map(({ line }) => line)).toEqual(cases.map((_, index) => index + 1));
  for (const [index, { request: one }] of cases.entries()) {
    const single = await running.call('POST', '/v1/vpn/evaluate', one);
    expect(lines[index]?.answer).toEqual(single.body);
  }
});

test('without the trace the answer is the same but for the trace', async () => {
  const one = cases[0]!;
  const { body: whole } = await running.call('POST', '/v1/vpn/evaluate', one.request);
  const { body: brief } = await running.call('POST', '/v1/vpn/evaluate?trace=false', one.request);
  expect(whole.trace.length).toBeGreaterThan(0);
  expect(brief).toEqual({ ...whole, trace: [] });
  expect(read((await bulk([JSON.stringify(one.request)], '?trace=false')).body)[0]?.answer).toEqual(brief);
});

test('a request that does not fit is told where, by pointer', async () => {
  const { status, body } = await running.call('POST', '/v1/vpn/evaluate', {
    payload: { OnDemandRules: [{ Action: 'Jump' }] },
    context: { network: { interface: 'Wifi' } },
  });
  expect(status).toBe(400);
  expect(body.errors.map(({ pointer }: { pointer: string }) => pointer).sort()).toEqual([
    '/context/network/interface',
    '/payload/OnDemandRules/0/Action',
  ]);
  const other = await running.call('POST', '/v1/vpn/evaluate', { dialect: 'openvpn', payload: {} });
  expect([other.status, other.body.errors[0].pointer]).toEqual([400, '/dialect']);
  expect((await running.call('POST', '/v1/vpn/evaluate', cases[0]!.request, { key: 'nobody' })).status).toBe(401);
  const reader = await running.keyWith(['vpn:read']);
  expect((await running.call('POST', '/v1/vpn/evaluate', cases[0]!.request, { key: reader })).status).toBe(403);
});

test('a wrong line gets its problem and keeps no other from its answer; blank lines count but are not answered', async () => {
  const good = JSON.stringify(cases[0]!.request);
  const { body } = await bulk([good, '', '{"payload":', '{"payload":{},"context":{"vpn":"maybe"}}', good]);
  const lines = read(body);
  expect(lines.map(({ line, problem }) => [line, problem?.status])).toEqual([
    [1, undefined],
    [3, 400],
    [4, 400],
    [5, undefined],
  ]);
  expect(lines[2]?.problem?.errors).toEqual([{ pointer: '/context/vpn', detail: expect.any(String) }]);
  expect(lines[3]?.answer).toEqual(lines[0]?.answer);
});

test('a line is answered while the next one is not yet sent; a caller that leaves in between takes nothing with it', async () => {
  const agent = new Agent();
  const call = request(`${running.service.url}/v1/vpn/evaluate/bulk`, {
    method: 'POST',
    agent,
    headers: { authorization: `Bearer ${running.key}`, 'content-type': 'application/x-ndjson' },
  });
  call.write(`${JSON.stringify(cases[0]!.request)}\n`);
  const response = await new Promise<import('node:http').IncomingMessage>((resolve) => call.on('response', resolve));
  const first = await new Promise<Buffer>((resolve) => response.once('data', resolve));
  expect(read(first.toString())).toHaveLength(1);

  call.destroy();
  agent.destroy();
  expect((await bulk([JSON.stringify(cases[0]!.request)])).status).toBe(200);
});

test('lint and diff say over HTTP what the package says', async () => {
  const payload = { OnDemandEnabled: 1, OnDemandRules: [{ Action: 'Connect' }, { Action: 'Ignore' }] };
  const lint = await running.call('POST', '/v1/vpn/lint', { payload });
  expect(lint.body.findings.map(({ rule }: { rule: string }) => rule)).toContain('SHADOWED_BY_CATCHALL');
  const right = { dialect: 'apple-mdm', payload: { OnDemandEnabled: 1, OnDemandRules: [{ Action: 'Connect' }] } };
  const equal = await running.call('POST', '/v1/vpn/diff', { left: { dialect: 'apple-mdm', payload }, right });
  expect(equal.body.result).toBe('equal');
  const settings = { connectMethod: 'on-demand' };
  const mixed = await running.call('POST', '/v1/vpn/diff', { left: { dialect: 'globalprotect', settings }, right });
  expect(mixed.status).toBe(422);
});

test('a caller who is still sending when the service stops is told from which line to send again', async () => {
  const stopping = await startVpnPolicy();
  const call = request(`${stopping.service.url}/v1/vpn/evaluate/bulk`, {
    method: 'POST',
    headers: { authorization: `Bearer ${stopping.key}`, 'content-type': 'application/x-ndjson' },
  });
  const line = `${JSON.stringify(cases[0]!.request)}\n`;
  call.write(line);
  const [answer] = (await once(call, 'response')) as [IncomingMessage];
  const texts = answer.setEncoding('utf8')[Symbol.asyncIterator]();
  expect((await texts.next()).value).toContain('"line":1');
  const stopped = stopping.stop();
  call.write(line.repeat(2000));
  let rest = '';
  for (let text = await texts.next(); !text.done; text = await texts.next()) rest += text.value;
  expect(read(rest).at(-1)).toMatchObject({ line: 2, problem: { status: 503 } });
  call.end();
  await stopped;
});
