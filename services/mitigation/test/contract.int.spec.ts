import { randomUUID } from 'node:crypto';
import { problem, problemTypes } from '@quell/contracts/problem';
import { routes } from '@quell/contracts/routes';
import { problemsOf, type Route } from '@quell/contracts/routes/route';
import { eventually } from '@quell/testing/eventually';
import { detectionOn, failing, policyWith, reportOf, resolving } from '../src/task-store/scene.fixture.ts';
import { type Answer, type RunningMitigation, startMitigation } from './running-mitigation.fixture.ts';

let mitigation: RunningMitigation;
beforeAll(async () => {
  mitigation = await startMitigation();
}, 60_000);
afterAll(() => mitigation.stop());

const ours = routes.filter(({ owner }) => owner === 'mitigation');
const routeOf = (id: string): Route => routes.find((route) => route.id === id)!;
const pathOf = (route: Route, parameters: Record<string, string | number>) =>
  route.path.replaceAll(/\{(\w+)\}/g, (_, name) => String(parameters[name] ?? randomUUID()));
const answered = new Set<string>();

/** Holds an answer against the contract: a status that the route names, and a body with what its schema says and nothing else. */
function fits(id: string, { status, body, headers }: Answer, expected: number): void {
  const route = routeOf(id);
  expect([id, status, status === expected ? '' : body]).toEqual([id, expected, '']);
  if (status < 400) {
    const { schema } = route.answers[status]?.body ?? {};
    if (schema === undefined) expect(body).toBeUndefined();
    else expect(schema.parse(body)).toEqual(body);
    answered.add(`${id} ${status}`);
    return;
  }
  expect(headers['content-type']).toMatch(/^application\/problem\+json/);
  const { type } = problem.parse(body);
  expect(problemsOf(route).map((name) => `urn:quell:problem:${name}`)).toContain(type);
  expect(problemTypes[type.replace('urn:quell:problem:', '') as keyof typeof problemTypes].status).toBe(status);
}

/** Calls a route as an administrator. */
async function call(
  id: string,
  expected: number,
  { body, headers, query = '', ...parameters }: Record<string, unknown> = {},
): Promise<Answer> {
  const route = routeOf(id);
  const answer = await mitigation.call(route.method, pathOf(route, parameters as Record<string, string>) + query, {
    key: mitigation.keys.admin,
    ...(headers === undefined ? {} : { headers: headers as Record<string, string> }),
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  fits(id, answer, expected);
  return answer;
}

test('every route of the contract exists, and none besides', () => {
  const inContract = ours.map(({ method, path }) => `${method} ${path}`);
  const registered = mitigation.routes.map((route) => route.replaceAll(/:(\w+)/g, '{$1}'));
  expect(registered.sort()).toEqual(inContract.sort());
});

describe('who may not call', () => {
  const keyed = ours.filter(({ access }) => typeof access !== 'string');
  test.each(keyed.map((route) => [route.id, route] as const))('%s', async (id, route) => {
    const at = { id: route.path.includes('/agents/') ? 'x'.repeat(43) : randomUUID() };
    fits(id, await mitigation.call(route.method, pathOf(route, at)), 401);
    fits(id, await mitigation.call(route.method, pathOf(route, at), { key: mitigation.keys.powerless }), 403);
  });

  const signed = ours.filter(({ access }) => access === 'agent');
  test.each(signed.map((route) => [route.id, route] as const))('%s', async (id, route) => {
    const body = route.body === undefined ? {} : { body: JSON.stringify(route.body.example) };
    fits(
      id,
      await mitigation.call(route.method, pathOf(route, { n: 1 }), { ...body, key: mitigation.keys.admin }),
      401,
    );
  });
});

const named = ours.filter(({ path, access }) => path.includes('{') && typeof access !== 'string');
test.each(named.map((route) => [route.id, route] as const))(
  'an id that is none, or that nobody has: %s',
  async (id, route) => {
    fits(
      id,
      await mitigation.call(route.method, pathOf(route, { id: 'nonsense' }), { key: mitigation.keys.admin }),
      400,
    );
    const nobody = route.path.includes('/agents/') ? 'x'.repeat(43) : randomUUID();
    const body = route.body === undefined || route.body.optional ? {} : { body: JSON.stringify(route.body.example) };
    const at = pathOf(route, { id: nobody });
    fits(id, await mitigation.call(route.method, at, { key: mitigation.keys.admin, ...body }), 404);
  },
);

test('the walk of an agent: enrol, configuration, work, report, restore, and what the lists then say', async () => {
  const { scene } = mitigation;
  const waiting = detectionOn({ hint: { hostname: 'desk-1' } });
  const renamed = detectionOn({ hint: { hostname: 'desk-1-renamed' } }, { threat: { name: 'y', path: '/y' } });
  await scene.take([waiting, renamed]);
  await call('createEnrolmentToken', 201, { body: {} });
  const agent = await mitigation.enrol();
  const signed = async (id: string, expected: number, body?: object, at: object = {}, headers = {}) => {
    const route = routeOf(id);
    const answer = await mitigation.signed(agent, route.method, pathOf(route, { ...at }), body, { headers });
    fits(id, answer, expected);
    return answer;
  };
  fits('enrolAgent', agent.enrolment, 200);
  await signed('heartbeat', 204);
  const { headers } = await signed('getAgentConfiguration', 200);
  await signed('getAgentConfiguration', 304, undefined, {}, { 'if-none-match': String(headers.etag) });

  // The enrolment decided the unresolved detection again.
  const { taskId } = await eventually(async () => {
    const { body } = await call('getDetection', 200, { id: waiting.detectionId });
    return body.disposition === 'task' && body;
  });
  const capabilities = ['assess', 'mitigate', 'scan', 'rollback'];
  const checkIn = { bootId: 'boot-1', agentVersion: '1', capabilities };
  const { body: due } = await signed('checkIn', 200, checkIn);
  expect(due.tasks).toMatchObject([{ taskId, run: 1, attempt: 1 }]);
  const events = [
    reportOf({ type: 'accepted' }),
    reportOf({ type: 'result', data: resolving(due.tasks[0].payload.targets.map(({ id }: { id: string }) => id)) }),
    { type: 'nonsense' },
  ];
  const { body: reported } = await signed('postAttemptEvents', 200, { events }, { id: taskId, n: 1 });
  expect(reported.outcomes).toMatchObject([{ code: 200 }, { code: 200 }, { code: 422 }]);
  const metrics = await fetch(`${mitigation.service.url}/metrics`, {
    headers: { authorization: `Bearer ${mitigation.keys.admin}` },
  });
  expect(await metrics.text()).toMatch(/^mitigation_reports_total\{.*code="422".*\} 1$/m);

  // What it says of its machine decides the other one again.
  const host = { hostname: 'desk-1-renamed', ips: [], macs: [], platform: 'linux', osVersion: '6.2', deviceId: 'D-1' };
  await signed('checkIn', 200, { ...checkIn, host });
  await eventually(async () => {
    const { body } = await call('getDetection', 200, { id: renamed.detectionId });
    return body.disposition === 'task';
  });

  const restore = { requestId: randomUUID(), kind: 'restore', taskId };
  await signed('startAgentTask', 201, restore);
  await signed('startAgentTask', 200, restore);
  await signed('startAgentTask', 409, { ...restore, requestId: randomUUID() });
  await signed('startAgentTask', 404, { ...restore, requestId: randomUUID(), taskId: randomUUID() });

  const { body: task } = await call('getTask', 200, { id: taskId });
  expect(task).toMatchObject({ run: 2, mode: 'rollback', status: { code: 'mitigation-in-progress' } });
  const { body: upper } = await call('getTask', 200, { id: taskId.toUpperCase() });
  expect(upper).toEqual(task);
  const [first] = (await call('getTaskHistory', 200, { id: taskId })).body.items;
  const { body: then } = await call('getTask', 200, { id: taskId, query: `?asOf=${first.recordedAt}` });
  expect(then).toMatchObject({ version: 1, threats: [] });
  await call('getTask', 404, { id: taskId, query: '?asOf=2020-01-01T00:00:00Z' });
  const page = await call('getTaskHistory', 200, { id: taskId, query: '?limit=2' });
  const rest = await call('getTaskHistory', 200, { id: taskId, query: `?limit=500&cursor=${page.body.nextCursor}` });
  expect([...page.body.items, ...rest.body.items].map(({ version }) => version)).toEqual(
    Array.from({ length: task.version }, (_, index) => index + 1),
  );

  await eventually(async () => {
    const { body } = await call('listTasks', 200, { query: `?endpoint=${agent.endpointId}&kind=threat-mitigation` });
    return body.items.some(
      ({ id, version }: { id: string; version: number }) => id === taskId && version === task.version,
    );
  });
  const { body: detections } = await call('listDetections', 200, { query: '?disposition=task&limit=1' });
  expect(detections.items).toHaveLength(1);
  await call('listDetections', 200, { query: `?limit=1&cursor=${detections.nextCursor}` });
  await call('listAgents', 200);
  await call('getAgent', 200, { id: agent.agentId });
  for (const id of ['listTasks', 'listDetections', 'listAgents']) await call(id, 400, { query: '?cursor=bm9uc2Vuc2U' });
});

test('commands, each from a state that takes it and one that refuses it', async () => {
  const { scene } = mitigation;
  const resolved = async () => {
    const endpoint = await scene.endpoint();
    const id = await scene.detect(endpoint);
    await scene.work(endpoint);
    return id;
  };
  const failed = async () => {
    const endpoint = await scene.endpoint();
    const id = await scene.detect(endpoint);
    await scene.work(endpoint, failing((await scene.task(id)).run.payload.targets.map((target) => target.id)));
    return id;
  };
  const assessed = async () => {
    const endpoint = await scene.endpoint();
    const id = await scene.detect(endpoint, {}, policyWith({ cleanup: 'assess-first' }));
    const [target] = (await scene.task(id)).run.payload.targets;
    await scene.work(endpoint, { outcome: 'assessed', threats: [{ id: target!.id, name: 'x', outcome: 'found' }] });
    return id;
  };
  for (const [command, prepare] of [
    ['runCleanup', assessed],
    ['retryTask', failed],
    ['rollbackTask', resolved],
    ['cancelTask', async () => scene.detect(await scene.endpoint())],
  ] as const) {
    const id = await prepare();
    await call(command, 200, { id });
    if (command !== 'cancelTask') await call(command, 409, { id });
    else await call('retryTask', 200, { id });
  }
  const id = await failed();
  await call('acknowledgeTask', 200, { id, body: { note: 'called' } });
  await call('acknowledgeTask', 200, { id });
  await call('acknowledgeTask', 400, { id, body: { notes: 'typing error' } });
});

test('a scan of an administrator is opened once per Idempotency-Key', async () => {
  const { endpointId } = await mitigation.scene.endpoint();
  const body = { kind: 'on-demand-scan', endpoint: { endpointId } };
  const headers = { 'idempotency-key': randomUUID() };
  const { body: first } = await call('openTask', 201, { body, headers });
  expect((await call('openTask', 201, { body, headers })).body.id).toBe(first.id);
  await call('openTask', 422, { body: { ...body, severity: 5 }, headers });
  await call('openTask', 404, { body: { ...body, endpoint: { endpointId: randomUUID() } } });
  await call('openTask', 400, { body: { ...body, endpoint: {} } });
  await call('openTask', 400, { body, headers: { 'idempotency-key': 'x'.repeat(257) } });
});

test('a campaign: previewed, started once per Idempotency-Key, done by the agent, read, and over', async () => {
  const agent = await mitigation.enrol({ hostname: 'campaigner', deviceId: 'D-campaign' });
  const query = { q: 'campaigner' };
  const { body: preview } = await call('startCampaign', 200, { body: { query, preview: true } });
  expect(preview).toMatchObject({ count: 1, skipped: 0, examples: [{ endpointId: agent.endpointId }] });
  const body = { query, severity: 3 };
  const headers = { 'idempotency-key': randomUUID() };
  const { body: first } = await call('startCampaign', 201, { body, headers });
  expect((await call('startCampaign', 201, { body, headers })).body.id).toBe(first.id);
  await call('startCampaign', 422, { body: { ...body, severity: 5 }, headers });
  await call('startCampaign', 400, { body: { query: {} } });
  await call('startCampaign', 400, { body, headers: { 'idempotency-key': 'x'.repeat(257) } });

  const checkIn = { bootId: 'boot-1', agentVersion: '1', capabilities: ['scan'] };
  const signed = async (id: string, request: object, at: object = {}) => {
    const route = routeOf(id);
    const answer = await mitigation.signed(agent, route.method, pathOf(route, { ...at }), request);
    fits(id, answer, 200);
    return answer.body;
  };
  const [scan] = await eventually(async () => {
    const { tasks } = await signed('checkIn', checkIn);
    return tasks.length === 1 && tasks;
  });
  expect(scan).toMatchObject({ kind: 'on-demand-scan', mode: 'scan', run: 1 });
  const { body: history } = await call('getTaskHistory', 200, { id: scan.taskId });
  expect(history.items[0]).toMatchObject({ type: 'TaskOpened', correlationId: first.id, causationId: first.id });
  const events = [
    reportOf({ type: 'accepted' }),
    reportOf({ type: 'result', data: { outcome: 'finished', threats: [] } }),
  ];
  await signed('postAttemptEvents', { events }, { id: scan.taskId, n: 1 });
  await eventually(async () => {
    const { body: campaign } = await call('getCampaign', 200, { id: first.id });
    expect(campaign).toMatchObject({ state: 'finished', tasks: { byStatus: { 'no-threat-found': 1 } } });
    return true;
  });
  const { body: targets } = await call('listCampaignTargets', 200, { id: first.id, query: '?state=opened' });
  expect(targets.items).toMatchObject([
    { endpointId: agent.endpointId, taskId: scan.taskId, status: 'no-threat-found' },
  ]);
  await call('cancelCampaign', 409, { id: first.id });

  const { body: second } = await call('startCampaign', 201, { body });
  const { body: cancelled } = await call('cancelCampaign', 200, { id: second.id, body: { queuedTasks: 'keep' } });
  expect(cancelled).toMatchObject({ state: 'cancelled', cancel: { queuedTasks: 'keep' } });
  const { body: page } = await call('listCampaigns', 200, { query: '?limit=1' });
  expect(page.items).toMatchObject([{ id: second.id }]);
  await call('listCampaigns', 200, { query: `?limit=1&cursor=${page.nextCursor}` });
  await call('listCampaigns', 400, { query: '?cursor=bm9uc2Vuc2U' });
});

test('an exception is added, read, suspended for a task that it ended, and deleted', async () => {
  const endpoint = await mitigation.scene.endpoint();
  const body = { kind: 'device', value: endpoint.deviceId, reason: 'lab' };
  const { body: exception } = await call('addMitigationException', 201, { body });
  expect((await call('addMitigationException', 200, { body })).body).toEqual(exception);
  await call('addMitigationException', 422, { body: { ...body, expiresAt: '2020-01-01T00:00:00Z' } });
  await call('addMitigationException', 400, { body: { ...body, kind: 'colour' } });
  expect((await call('getMitigationException', 200, { id: exception.id })).body).toEqual(exception);
  await call('listMitigationExceptions', 200, { query: '?limit=1' });
  const taskId = await mitigation.scene.detect(endpoint);
  const suspended = await call('suspendMitigationException', 200, { id: exception.id, body: { taskIds: [taskId] } });
  expect(suspended.body.tasks).toMatchObject([{ id: taskId, run: 2, status: { code: 'mitigation-in-progress' } }]);
  await call('deleteMitigationException', 204, { id: exception.id });
  await call('getMitigationException', 404, { id: exception.id });
});

test('the policy is what was put, with defaults for what was left out, and holds from then on', async () => {
  await call('putMitigationPolicy', 200, { body: { cleanup: 'assess-first' } });
  const { body } = await call('getMitigationPolicy', 200);
  expect(body).toMatchObject({ cleanup: 'assess-first', reopenAfter: 86_400, clocks: { leaseSeconds: 90 } });
  await call('putMitigationPolicy', 400, { body: { cleanup: 'sometimes' } });
  await call('putMitigationPolicy', 200, { body: {} });
});

test('the catalogue has the 23 statuses', async () => {
  expect((await call('listTaskStatuses', 200)).body.items).toHaveLength(23);
});

test('every answer that the contract promises was seen here', () => {
  const promised = ours.flatMap(({ id, answers }) => Object.keys(answers).map((status) => `${id} ${status}`));
  expect([...answered].sort()).toEqual(promised.sort());
});
