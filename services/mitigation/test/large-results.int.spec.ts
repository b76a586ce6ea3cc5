import { randomUUID } from 'node:crypto';
import type { RunResult } from '@quell/contracts/run-result';
import { type EnrolledAgent, type RunningMitigation, startMitigation } from './running-mitigation.fixture.ts';

let mitigation: RunningMitigation;
beforeAll(async () => {
  mitigation = await startMitigation();
}, 60_000);
afterAll(() => mitigation.stop());

const COUNT = 10_000;
const idOf = (index: number) => `backup-${index}`;

/** Every file that a result may list, as long as a body may carry: about 6 MiB. */
function largest(): RunResult {
  const paths = Array.from({ length: COUNT }, (_, index) => `/srv/${'folder/'.repeat(28)}${index}.exe`);
  return {
    outcome: 'finished',
    threats: paths.map((path, index) => ({ id: `threat-${index}`, name: 'EICAR', path, outcome: 'resolved' })),
    backups: paths.map((path, index) => ({ id: idOf(index), threatId: `threat-${index}`, kind: 'file', path })),
  };
}

const checkIn = (agent: EnrolledAgent, more: object = {}) =>
  mitigation.signed(agent, 'POST', '/v1/agents/me/check-in', {
    ...{ bootId: 'boot-1', agentVersion: '1', capabilities: ['assess', 'mitigate', 'scan', 'rollback'] },
    ...more,
  });
const event = (type: string, data?: unknown) => ({ eventId: randomUUID(), type, at: '2026-11-23T10:00:00Z', data });

async function handedScan(agent: EnrolledAgent): Promise<string> {
  const body = JSON.stringify({ kind: 'on-demand-scan', endpoint: { agentId: agent.agentId } });
  const { id } = (await mitigation.call('POST', '/v1/tasks', { key: mitigation.keys.admin, body })).body;
  expect((await checkIn(agent)).body.tasks).toMatchObject([{ taskId: id, attempt: 1 }]);
  return id;
}

test('ten thousand files in one result are taken, rolled back and answered for', async () => {
  const agent = await mitigation.enrol();
  const taskId = await handedScan(agent);
  const events = [event('accepted'), event('result', largest())];
  expect(JSON.stringify(events).length).toBeGreaterThan(5 * 2 ** 20);
  const answer = await mitigation.signed(agent, 'POST', `/v1/tasks/${taskId}/attempts/1/events`, { events });
  expect(answer).toMatchObject({ status: 200, body: { outcomes: [{ code: 200 }, { code: 200 }] } });
  await mitigation.call('POST', `/v1/tasks/${taskId}/rollback`, { key: mitigation.keys.admin });
  const [handed] = (await checkIn(agent)).body.tasks;
  expect(handed.payload.items).toHaveLength(COUNT);
  const items = handed.payload.items.map(({ id }: { id: string }) => ({ id, restored: true }));
  const said = [event('accepted'), event('result', { outcome: 'rolled-back', items })];
  const reply = await checkIn(agent, { events: said.map((one) => ({ ...one, taskId, attempt: 2 })) });
  expect(reply.body.outcomes).toMatchObject([{ code: 200 }, { code: 200 }]);
  expect((await mitigation.scene.task(taskId)).status.code).toBe('rollback-successful');
}, 60_000);

test('only the calls that carry results take large bodies', async () => {
  const agent = await mitigation.enrol();
  const padded = (mebibytes: number) => ({ padding: 'x'.repeat(mebibytes * 2 ** 20) });
  const statusOf = async (path: string, mebibytes: number) =>
    (await mitigation.signed(agent, 'POST', path, padded(mebibytes))).status;
  const events = `/v1/tasks/${randomUUID()}/attempts/1/events`;
  for (const path of ['/v1/agents/me/check-in', '/v1/agents/me/tasks', events]) {
    expect({ path, status: await statusOf(path, 7) }).toEqual({ path, status: 400 });
    expect({ path, status: await statusOf(path, 9) }).toEqual({ path, status: 413 });
  }
  expect(await statusOf('/v1/agents/enrol', 2)).toBe(413);
}, 60_000);

test('a restore on the endpoint says which of its items are known here, and tells unknown ones from a busy task', async () => {
  const agent = await mitigation.enrol();
  const taskId = await handedScan(agent);
  const restore = (items: string[], requestId = randomUUID()) =>
    mitigation.signed(agent, 'POST', '/v1/agents/me/tasks', { requestId, kind: 'restore', taskId, items });
  expect(await restore([idOf(1)])).toMatchObject({ status: 409, body: { type: 'urn:quell:problem:conflict' } });
  const threats = [{ id: 'threat-1', name: 'EICAR', outcome: 'resolved' }];
  const result = { outcome: 'finished', threats, backups: [{ id: idOf(1), threatId: 'threat-1', kind: 'file' }] };
  const events = [event('accepted'), event('result', result)];
  await mitigation.signed(agent, 'POST', `/v1/tasks/${taskId}/attempts/1/events`, { events });
  expect(await restore(['other'])).toMatchObject({
    status: 409,
    body: { type: 'urn:quell:problem:nothing-to-restore' },
  });
  const requestId = randomUUID();
  const ref = { taskId, run: 2, attempt: 2, items: [idOf(1)] };
  expect(await restore([idOf(1), 'other'], requestId)).toMatchObject({ status: 201, body: ref });
  expect(await restore([idOf(1), 'other'], requestId)).toMatchObject({ status: 200, body: ref });
}, 60_000);
