import type { StatusCode } from '@quell/contracts/task-status';
import { takeDeviceChanges } from '../src/devices/known-devices.ts';
import { takeTaskRecords } from '../src/posture-store/take-task-records.ts';
import { type RunningVpnPolicy, startVpnPolicy } from './running-vpn-policy.fixture.ts';

let running: RunningVpnPolicy;
beforeAll(async () => {
  running = await startVpnPolicy();
});
afterAll(() => running.stop());
beforeEach(() => running.pool.query('DELETE FROM vpn_policy.policy'));

const reason = 'as agreed';
const body = (action: string) => ({
  dialect: 'apple-mdm',
  payload: { OnDemandEnabled: 1, OnDemandRules: [{ Action: action }] },
});
const call = (method: string, path: string, sent?: unknown, headers: Record<string, string> = {}) =>
  running.call(method, `/v1/vpn${path}`, sent, { headers });
const wifi = { vpn: 'disconnected', network: { interface: 'WiFi', ssid: 'Cafe', primaryIsVirtual: false } };

async function draft(action: string, name = 'Laptops', more: object = {}): Promise<string> {
  const { status, body: policy } = await call('POST', '/policies', { name, body: body(action), reason, ...more });
  expect(status).toBe(201);
  return policy.id;
}

async function published(action: string, name: string, assignment: object, more: object = {}): Promise<string> {
  const id = await draft(action, name, more);
  expect((await call('POST', `/policies/${id}/publish`, { reason })).status).toBe(200);
  expect((await call('PUT', `/policies/${id}/assignment`, { ...assignment, reason })).status).toBe(200);
  return id;
}

async function device(id: string, more: object = {}): Promise<void> {
  const facts = { model: '', label: '', capabilities: [], hostnames: [], ips: [], macs: [], tags: [] };
  const client = await running.pool.connect();
  await takeDeviceChanges(client, [{ id, record: { id, ...facts, version: 1, ...more } }]);
  client.release();
}

test('a policy is drafted, published, edited, rolled back and retired; its versions stay, and its history says who and why', async () => {
  const id = await draft('Connect');
  expect((await call('POST', `/policies/${id}/publish`, { reason })).body).toMatchObject({
    state: 'published',
    current: 1,
  });
  await call('PUT', `/policies/${id}/draft`, { name: 'Laptops', body: body('Ignore'), reason });
  const edited = (await call('GET', `/policies/${id}`)).body;
  expect(edited).toMatchObject({
    hasDraft: true,
    draft: { body: body('Ignore') },
    inForce: { content: { body: body('Connect') } },
  });
  expect((await call('GET', `/policies/${id}/diff`)).body).toMatchObject({ result: 'different' });
  await call('POST', `/policies/${id}/publish`, { reason: 'the second' });
  const back = await call('POST', `/policies/${id}/rollback`, { version: 1, reason: 'it broke the printers' });
  expect(back.body.inForce).toMatchObject({ number: 3, restores: 1, content: { body: body('Connect') } });
  expect((await call('GET', `/policies/${id}/diff?from=1&to=3`)).body).toMatchObject({ result: 'equal' });

  const posture = { action: { kind: 'disconnect' } };
  await call('PUT', `/policies/${id}/draft`, { name: 'Laptops', body: body('Connect'), posture, reason });
  expect((await call('GET', `/policies/${id}/diff`)).body).toEqual({
    result: 'different-posture',
    classes: expect.any(Number),
    posture: { left: null, right: expect.objectContaining({ ...posture, minSeverity: expect.any(Number) }) },
  });
  expect((await call('GET', `/policies/${id}/diff?from=2`)).body).toMatchObject({
    result: 'different',
    posture: { left: null, right: posture },
  });

  const versions = (await call('GET', `/policies/${id}/versions?limit=2`)).body;
  expect(versions.items.map(({ number }: { number: number }) => number)).toEqual([3, 2]);
  const rest = (await call('GET', `/policies/${id}/versions?limit=2&cursor=${versions.nextCursor}`)).body;
  expect(rest).toMatchObject({ items: [{ number: 1, reason }] });
  expect((await call('GET', `/policies/${id}/versions/2`)).body).toMatchObject({
    reason: 'the second',
    content: { body: body('Ignore') },
  });
  expect((await call('GET', `/policies/${id}/versions/4`)).status).toBe(404);

  expect((await call('POST', `/policies/${id}/retire`, { reason })).body.state).toBe('retired');
  expect((await call('POST', `/policies/${id}/publish`, { reason })).status).toBe(409);
  const { items } = (await call('GET', `/policies/${id}/history`)).body;
  expect(items.map(({ type }: { type: string }) => type)).toEqual([
    'PolicyDrafted',
    'PolicyPublished',
    'PolicyDraftEdited',
    'PolicyPublished',
    'PolicyRolledBack',
    'PolicyDraftEdited',
    'PolicyRetired',
  ]);
  for (const item of items)
    expect([item.actor, item.data.reason]).toEqual([expect.stringMatching(/^key:.* \(test\)$/), expect.any(String)]);
});

test('an error of lint keeps a draft from being published until its rule is accepted', async () => {
  const { body: policy } = await call('POST', '/policies', {
    name: 'x',
    body: { dialect: 'apple-mdm', payload: { OnDemandEnabled: 1, OnDemandRules: [{ Action: 'EvaluateConnection' }] } },
    reason,
  });
  const { body: validation } = await call('POST', `/policies/${policy.id}/validate`);
  expect(validation).toMatchObject({ publishable: false, blocking: [expect.any(String)] });
  const refused = await call('POST', `/policies/${policy.id}/publish`, { reason });
  expect([refused.status, refused.body.detail]).toEqual([422, expect.stringContaining(validation.blocking[0])]);
  const accepted = await call('POST', `/policies/${policy.id}/publish`, {
    reason,
    acceptFindings: validation.blocking,
  });
  expect(accepted.body.inForce.acceptedFindings).toEqual(validation.blocking);
});

test('a key that GlobalProtect does not have is refused by its name wherever a policy comes in', async () => {
  const portal = (more: object) => ({ dialect: 'globalprotect', settings: { connectMethod: 'user-logon', ...more } });
  const { status, body: policy } = await call('POST', '/policies', { name: 'x', body: portal({}), reason });
  expect(status).toBe(201);
  const misspelt = portal({ overide: 'disabled' });
  const sent = { name: 'x', body: misspelt, reason };
  const refused = [
    await call('POST', '/policies', sent),
    await call('PUT', `/policies/${policy.id}/draft`, sent),
    await call('POST', '/diff', { left: portal({}), right: misspelt }),
    await call('POST', '/what-if', { content: { body: misspelt } }),
  ];
  expect(refused.map((one) => [one.status, one.body.errors?.[0]?.pointer, one.body.detail])).toEqual([
    [400, '/body/settings/overide', expect.stringContaining('"overide"')],
    [400, '/body/settings/overide', expect.stringContaining('"overide"')],
    [400, '/right/settings/overide', expect.stringContaining('"overide"')],
    [400, '/content/body/settings/overide', expect.stringContaining('"overide"')],
  ]);
});

test('whoever saw another version than the policy has changes nothing; of many at the same time each counts once', async () => {
  const id = await draft('Connect');
  const { headers } = await call('GET', `/policies/${id}`);
  const etag = headers.get('etag')!;
  const edit = (name: string, ifMatch?: string) =>
    call(
      'PUT',
      `/policies/${id}/draft`,
      { name, body: body('Connect'), reason },
      ifMatch === undefined ? {} : { 'if-match': ifMatch },
    );
  const first = await edit('first', etag);
  expect([first.status, first.headers.get('etag')]).toEqual([200, '"2"']);
  expect((await edit('second', etag)).status).toBe(412);
  expect((await call('GET', `/policies/${id}`)).body.name).toBe('first');

  const names = Array.from({ length: 6 }, (_, index) => `name ${index}`);
  const answers = await Promise.all(names.map((name) => edit(name)));
  expect(answers.map(({ status }) => status)).toEqual(names.map(() => 200));
  expect(answers.map(({ body: { version } }) => version).sort()).toEqual([3, 4, 5, 6, 7, 8]);
});

test('a draft that is sent again under its Idempotency-Key is drafted once; another body under it is refused', async () => {
  const sent = { name: 'once', body: body('Connect'), reason };
  const key = { 'idempotency-key': 'a key' };
  const first = await call('POST', '/policies', sent, key);
  await call('PUT', `/policies/${first.body.id}/draft`, { ...sent, name: 'renamed' });
  const again = await call('POST', '/policies', sent, key);
  expect([first.status, again.status, again.body.id, again.body.name]).toEqual([201, 201, first.body.id, 'renamed']);
  expect((await call('POST', '/policies', { ...sent, name: 'twice' }, key)).status).toBe(422);
  expect((await call('GET', '/policies?name=once')).body.items).toEqual([]);
  expect((await call('POST', '/policies', sent)).body.id).not.toBe(first.body.id);
});

test('secrets of a policy reach neither its answers nor its stream', async () => {
  const payload = { ...body('Connect').payload, SharedSecret: 'hunter2', RemoteAddress: 'vpn.example.com' };
  const id = await draft('Connect', 'x', { body: { dialect: 'apple-mdm', payload } });
  expect((await call('GET', `/policies/${id}`)).body.draft.body.payload).toMatchObject({ SharedSecret: '[withheld]' });
  const { rows } = await running.pool.query(
    `SELECT convert_from(data, 'UTF8') AS data FROM vpn_policy.event WHERE stream_id = $1`,
    [id],
  );
  expect(JSON.stringify(rows)).not.toContain('hunter2');
  const probe = { OnDemandRules: [{ Action: 'Connect', URLStringProbe: 'https://a.example.com/?token=hunter2' }] };
  const refused = await call('POST', '/policies', {
    name: 'x',
    body: { dialect: 'apple-mdm', payload: probe },
    reason,
  });
  expect([refused.status, refused.body.errors[0].pointer]).toEqual([
    422,
    '/body/payload/OnDemandRules/0/URLStringProbe',
  ]);
});

test('the list pages through policies, the last drafted first, and filters them', async () => {
  const ids: string[] = [];
  for (const name of ['Alpha', 'beta', 'ALPHABET']) ids.unshift(await draft('Connect', name));
  await call('POST', `/policies/${ids[0]}/publish`, { reason });
  await call('PUT', `/policies/${ids[0]}/assignment`, { everyone: true, reason });
  const idsOf = async (query: string) => {
    const found: string[] = [];
    for (let cursor = ''; ; ) {
      const page = (await call('GET', `/policies?limit=1${query}${cursor}`)).body;
      found.push(...page.items.map(({ id }: { id: string }) => id));
      if (page.nextCursor === undefined) return found;
      cursor = `&cursor=${page.nextCursor}`;
    }
  };
  expect(await idsOf('')).toEqual(ids);
  expect(await idsOf('&name=alpha')).toEqual([ids[0], ids[2]]);
  expect(await idsOf('&state=draft')).toEqual([ids[1], ids[2]]);
  expect(await idsOf('&assigned=true')).toEqual([ids[0]]);
  expect(await idsOf('&dialect=globalprotect')).toEqual([]);
});

test('a device is decided for by the policy that is for it, which the answer names with those that came after', async () => {
  await Promise.all([
    device('D-1', { group: 'sales', tags: ['kiosk'] }),
    device('D-2', { tags: ['kiosk'] }),
    device('D-3'),
  ]);
  const everyone = await published('Ignore', 'everyone', { everyone: true, priority: 1000 });
  const sales = await published('Connect', 'sales', { groups: ['sales'] });
  const kiosks = await published('Disconnect', 'kiosks', { queries: [{ tag: ['kiosk'] }] });
  const decide = async (id: string) => (await call('POST', `/devices/${id}/evaluate`, { context: wifi })).body;

  expect(await decide('D-1')).toMatchObject({
    device: 'known',
    policy: { policyId: sales, version: 1, by: 'group', passedOver: [kiosks, everyone] },
    answer: { decision: 'connect', reason: 'RULE_MATCHED_CATCHALL' },
  });
  expect(await decide('D-2')).toMatchObject({
    policy: { policyId: kiosks, by: 'query' },
    answer: { decision: 'disconnect' },
  });
  expect(await decide('D-3')).toMatchObject({
    policy: { policyId: everyone, by: 'everyone' },
    answer: { decision: 'ignore' },
  });
  expect(await decide('D-9')).toMatchObject({ device: 'unknown', policy: { policyId: everyone } });

  const devicesOf = async (id: string) => (await call('GET', `/policies/${id}/devices?limit=1`)).body;
  expect((await devicesOf(sales)).items).toMatchObject([{ id: 'D-1', by: 'group' }]);
  expect((await devicesOf(everyone)).items).toMatchObject([{ id: 'D-3', by: 'everyone' }]);

  // What is changed decides at once.
  await call('PUT', `/policies/${kiosks}/assignment`, { queries: [{ tag: ['kiosk'] }], priority: 5, reason });
  expect(await decide('D-1')).toMatchObject({ policy: { policyId: kiosks, priority: 5 } });
  await call('POST', `/policies/${everyone}/retire`, { reason });
  expect(await decide('D-3')).toMatchObject({ policy: null, answer: null });
});

test('a query that means every device is refused, for it would come before the policies that are for everyone', async () => {
  const id = await draft('Connect');
  const queries = [{ tag: ['kiosk'] }, { q: ' ' }];
  const refused = await call('PUT', `/policies/${id}/assignment`, { queries, reason });
  expect([refused.status, refused.body.errors]).toEqual([
    400,
    [{ pointer: '/queries/1', detail: expect.stringContaining('"everyone": true') }],
  ]);
  expect((await call('GET', `/policies/${id}`)).body).not.toHaveProperty('assignment');
});

test('a policy that is asked for by name decides by the version in force, by another one, or by its draft', async () => {
  const id = await draft('Connect');
  const decide = (more: object = {}) =>
    call('POST', `/policies/${id}/evaluate?trace=false`, { context: wifi, ...more });
  expect((await decide()).status).toBe(409);
  expect((await decide({ version: 'draft' })).body).toMatchObject({
    policy: { version: 'draft' },
    answer: { decision: 'connect' },
  });
  await call('POST', `/policies/${id}/publish`, { reason });
  await call('PUT', `/policies/${id}/draft`, { name: 'x', body: body('Ignore'), reason });
  await call('POST', `/policies/${id}/publish`, { reason });
  expect((await decide()).body).toMatchObject({
    policy: { version: 2, by: 'asked' },
    answer: { decision: 'ignore', trace: [] },
  });
  expect((await decide({ version: 1 })).body.answer.decision).toBe('connect');
  expect((await decide({ version: 3 })).status).toBe(404);
  const wrong = await call('POST', `/policies/${id}/evaluate`, { context: { network: { interface: 'Wifi' } } });
  expect([wrong.status, wrong.body.errors[0].pointer]).toEqual([400, '/context/network/interface']);
});

test('a policy with posture settings lets threats that stand on the device decide, and releases it with them', async () => {
  const posture = { action: { kind: 'disconnect' }, minSeverity: 4 };
  await published('Connect', 'watched', { everyone: true }, { posture });
  const decide = async () => (await call('POST', '/devices/D-7/evaluate', { context: wifi })).body.answer;
  const taskId = '0199b3f2-7777-7c3a-9d5e-4f1f6a1b2c3d';
  const told = async (status: StatusCode, version: number) => {
    const at = `2026-11-23T10:00:0${version}.000Z`;
    const endpoint = { endpointId: '0199b3f2-1111-7c3a-9d5e-4f1f6a1b2c3d', deviceId: 'D-7', ips: [] };
    const facts = {
      kind: 'threat-mitigation' as const,
      severity: 4 as const,
      threatKeys: ['sha256:a'],
      acknowledged: false,
    };
    const client = await running.pool.connect();
    await takeTaskRecords(client, [{ taskId, at, after: { ...facts, status, endpoint, version, runOpenedAt: at } }]);
    client.release();
  };
  expect(await decide()).toMatchObject({ decision: 'connect' });
  await told('mitigation-in-progress', 1);
  expect(await decide()).toMatchObject({
    decision: 'disconnect',
    reason: 'posture',
    posture: { tasks: [{ taskId }], without: { decision: 'connect' } },
  });
  await told('all-threats-resolved', 2);
  expect(await decide()).toMatchObject({ decision: 'connect', reason: 'RULE_MATCHED_CATCHALL' });
});
