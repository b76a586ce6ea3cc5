import { randomUUID } from 'node:crypto';
import { deviceFacts, mostGiven } from '@quell/contracts/device';
import type { DeviceQuery } from '@quell/contracts/device-query';
import { anyDevice } from '@quell/device-query/device.arbitrary';
import { matchesDevice } from '@quell/device-query/match';
import { createAuthenticator } from '@quell/service-kit/authenticator';
import { createPool } from '@quell/service-kit/database';
import { createLog } from '@quell/service-kit/log';
import { eventually } from '@quell/testing/eventually';
import fc from 'fast-check';
import fastify from 'fastify';
import pg from 'pg';
import type { DeviceCommand } from '../src/device/decide.ts';
import { changeDevices } from '../src/device-store/change-devices.ts';
import { eachDevice } from '../src/device-store/each-device.ts';
import { storeEarlierDevice } from '../src/device-store/earlier-device.fixture.ts';
import { serveExport } from '../src/export/export-route.ts';
import { type RunningRegistry, startRegistry } from './running-registry.fixture.ts';

let registry: RunningRegistry;
let pool: pg.Pool;
let hasty: pg.Pool;
let key: string;
beforeAll(async () => {
  registry = await startRegistry();
  key = await registry.keyWith(['devices:write', 'devices:read']);
  const log = createLog('test', 'silent');
  const connectionString = registry.database.url;
  pool = createPool({ connectionString, max: 4 }, log);
  // As the services have it, but shorter than what is read below takes.
  hasty = createPool({ connectionString, max: 1, options: '-c transaction_timeout=300' }, log);
});
afterAll(async () => {
  await pool.end();
  await hasty.end();
  await registry.stop();
});

const http = (method: string, path: string, headers: object = {}, body?: string) =>
  fetch(`${registry.service.url}${path}`, {
    method,
    headers: { authorization: `Bearer ${key}`, ...headers },
    ...(body === undefined ? {} : { body }),
  });
const events = async (): Promise<number> =>
  (await registry.db.query('SELECT count(*)::int AS n FROM device_registry.event')).rows[0].n;

const envelope = () => ({ actor: 'test', correlationId: randomUUID(), occurredAt: new Date() });
const bring = (id: string, facts: object) => ({
  deviceId: id,
  command: { kind: 'bring', facts, source: 'import' } as DeviceCommand,
  causeId: randomUUID(),
});
const forget = () =>
  registry.db.query(
    `TRUNCATE device_registry.device, device_registry.device_identifier, device_registry.event, device_registry.stream`,
  );

/** Text with everything that CSV, spreadsheets and lists have a meaning for. */
const nasty = (maxLength: number, minLength = 0) =>
  fc
    .string({
      unit: fc.constantFrom(
        'a',
        'é',
        '😀',
        '"',
        "'",
        ',',
        ';',
        '\\',
        ' ',
        '\t',
        '\n',
        '\r',
        '=',
        '+',
        '-',
        '@',
        '\u00a0',
        '\ufeff',
        '\ufffd',
        '#',
        '{',
      ),
      minLength,
      maxLength,
    })
    .filter((text) => text.isWellFormed());
const few = <T>(of: fc.Arbitrary<T>) => fc.array(of, { maxLength: 3 });
const nastyFacts = fc
  .record({
    model: nasty(8),
    label: nasty(12),
    capabilities: few(fc.constantFrom('relay', 'dimming', 'wireless')),
    hostnames: few(nasty(6, 1)),
    ips: few(fc.constantFrom('192.0.2.7', '2001:DB8::1')),
    macs: few(fc.constantFrom('00-00-5E-00-53-01', '00:00:5e:00:53:02')),
    platform: fc.option(fc.constantFrom('linux', 'windows'), { nil: undefined }),
    group: fc.option(nasty(6, 1), { nil: undefined }),
    tags: few(nasty(6, 1)),
  })
  .map((facts) => deviceFacts.parse(JSON.parse(JSON.stringify(facts))));
const nastyDevices = fc.uniqueArray(fc.tuple(nasty(8, 1), nastyFacts), {
  minLength: 1,
  maxLength: 12,
  selector: ([id]) => id,
});
const report: DeviceCommand = {
  kind: 'report',
  agentId: 'a'.repeat(43),
  report: { hostname: 'told-by-agent', ips: ['192.0.2.99'], macs: [], platform: 'macos' },
  enrolledAt: '2026-11-23T10:00:00.000Z',
};

test.each(['csv', 'ndjson'])(
  'whatever stands in devices, to import their export (%s) changes nothing',
  async (format) => {
    await fc.assert(
      fc.asyncProperty(nastyDevices, async (devices) => {
        await forget();
        await changeDevices(
          pool,
          devices.map(([id, facts]) => bring(id, facts)),
          envelope(),
        );
        // What an agent told of a device is exported too, and must not become what people gave.
        await changeDevices(pool, [{ deviceId: devices[0]![0], command: report, causeId: randomUUID() }], envelope());
        const before = await events();
        const exported = await (await http('GET', `/v1/devices/export?format=${format}`)).text();
        const answer = await http('POST', `/v1/devices/import?format=${format}`, {}, exported);
        expect(await answer.json()).toMatchObject({ lines: devices.length, unchanged: devices.length, errors: [] });
        expect(await events()).toBe(before);
      }),
      { numRuns: 60 },
    );
  },
);

const many = (count: number, of: (n: number) => string) => Array.from({ length: count }, (_, n) => of(n));

test('a device with as many names and addresses as can be given and reported goes the way back, and can be patched with them', async () => {
  const hex = (n: number) => n.toString(16).padStart(2, '0');
  const given = {
    hostnames: many(mostGiven.hostnames, (n) => `given-${n}`),
    ips: many(mostGiven.ips, (n) => `192.0.2.${n}`),
    macs: many(mostGiven.macs, (n) => `00:00:5e:00:53:${hex(n)}`),
  };
  const reported = {
    hostname: 'told-by-agent',
    ips: many(64, (n) => `198.51.100.${n}`),
    macs: many(64, (n) => `00:00:5e:00:54:${hex(n)}`),
    platform: 'linux' as const,
  };
  await forget();
  expect((await registry.call('POST', '/v1/devices', { id: 'FULL', ...given })).status).toBe(201);
  const told = { ...report, report: reported } as DeviceCommand;
  await changeDevices(pool, [{ deviceId: 'FULL', command: told, causeId: randomUUID() }], envelope());
  const before = await events();
  for (const format of ['csv', 'ndjson']) {
    const exported = await (await http('GET', `/v1/devices/export?format=${format}`)).text();
    const answer = await http('POST', `/v1/devices/import?format=${format}`, {}, exported);
    expect(await answer.json()).toMatchObject({ lines: 1, unchanged: 1, errors: [] });
  }
  const { hostnames, ips, macs } = (await registry.call('GET', '/v1/devices/FULL')).body;
  expect([hostnames.length, ips.length, macs.length]).toEqual([mostGiven.hostnames + 1, 192, 192]);
  expect((await registry.call('PATCH', '/v1/devices/FULL', { hostnames, ips, macs })).status).toBe(200);
  expect(await events()).toBe(before);

  const others = many(mostGiven.hostnames + 1, (n) => `other-${n}`);
  const refused = await registry.call('PATCH', '/v1/devices/FULL', { hostnames: others });
  expect([refused.status, refused.body.errors]).toEqual([
    400,
    [{ pointer: '/hostnames', detail: 'At most 32 hostnames can be given to a device, not 33.' }],
  ]);
  const line = JSON.stringify({ id: 'NEW', hostnames: others });
  const imported = await (await http('POST', '/v1/devices/import?format=ndjson', {}, line)).json();
  expect(imported).toMatchObject({
    refused: 1,
    errors: [{ line: 1, id: 'NEW', detail: expect.stringContaining('32') }],
  });
});

test.each(['csv', 'ndjson'])(
  'devices whose ids no path can name, from before, go the way back (%s), those that were retired too',
  async (format) => {
    await forget();
    const ids = ['.', '..', 'export', 'jobs'];
    for (const id of ids) await storeEarlierDevice(pool, id, { label: `Room ${id}` });
    const exported = async (state = 'active') =>
      (await http('GET', `/v1/devices/export?format=${format}&state=${state}`)).text();
    const imported = async (file: string) =>
      (await http('POST', `/v1/devices/import?format=${format}`, {}, file)).json();
    const before = await events();
    const file = await exported();
    expect(await imported(file)).toMatchObject({ lines: 4, unchanged: 4, errors: [] });
    expect(await events()).toBe(before);

    await changeDevices(
      pool,
      ids.map((id) => ({ deviceId: id, command: { kind: 'retire' as const }, causeId: randomUUID() })),
      envelope(),
    );
    expect(await imported(await exported('retired'))).toMatchObject({ lines: 4, created: 4, errors: [] });
    expect(await exported()).toBe(file);
  },
);

test('an export has every column in order, and no cell that a spreadsheet takes for a formula', async () => {
  await forget();
  const facts = { label: '=1+1', capabilities: ['relay'], group: '@home', tags: ['-x', 'b;c'], platform: 'linux' };
  await changeDevices(pool, [bring('+49', facts), bring("'q", { label: 'Lobby, east' })], envelope());
  const answer = await http('GET', '/v1/devices/export');
  expect(answer.headers.get('content-type')).toBe('text/csv; charset=utf-8');
  expect(await answer.text()).toBe(
    'id,model,label,capabilities,hostnames,ips,macs,platform,group,tags\n' +
      '\'\'q,,"Lobby, east",,,,,,,\n' +
      `'+49,,'=1+1,"dimming-or-relay;relay",,,,linux,'@home,"'-x;b\\;c"\n`,
  );
  const lines = await http('GET', '/v1/devices/export?q=home%20nothing', { accept: 'application/x-ndjson' });
  expect([lines.headers.get('content-type'), await lines.text()]).toEqual(['application/x-ndjson', '']);
});

test('a query exports exactly the devices that it means, in the order of their ids, without those that were retired', async () => {
  await forget();
  const devices = [...new Map(fc.sample(anyDevice, { numRuns: 300, seed: 7 }).map((one) => [one.id, one])).values()];
  const changes = devices.map(({ id, ...facts }) => bring(id, JSON.parse(JSON.stringify(facts))));
  await changeDevices(pool, changes, envelope());
  const [gone, ...there] = devices;
  await changeDevices(pool, [{ deviceId: gone!.id, command: { kind: 'retire' }, causeId: randomUUID() }], envelope());
  const stored: typeof there = [];
  for await (const rows of eachDevice(pool, everything)) {
    stored.push(
      ...rows.map((row) => ({ ...row, platform: row.platform ?? undefined, group: row.group_name ?? undefined })),
    );
  }
  expect(stored.map(({ id }) => id)).toEqual(
    there.map(({ id }) => id).sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))),
  );
  const words = stored.flatMap(({ id, label, model }) => [
    id.slice(0, 3),
    label.split(' ')[0]!,
    model.split(' ')[0]!,
    '',
  ]);
  const query = fc.record({
    q: fc.constantFrom(...words),
    feature: fc.subarray(['relay', 'dimming', 'wireless', 'switch'] as const, { maxLength: 2 }),
    match: fc.constantFrom('all', 'any'),
    group: fc.subarray([...new Set(stored.flatMap(({ group }) => group ?? []))].slice(0, 3), { maxLength: 1 }),
    tag: fc.subarray([...new Set(stored.flatMap(({ tags }) => tags))].slice(0, 3), { maxLength: 2 }),
  });
  let found = 0;
  await fc.assert(
    fc.asyncProperty(query, async (some) => {
      const asked = { ...everything, ...some } as DeviceQuery;
      const parameters = new URLSearchParams([
        ['q', asked.q],
        ['match', asked.match],
        ['format', 'ndjson'],
        ...(['feature', 'group', 'tag'] as const).flatMap((name) =>
          asked[name].map((value): [string, string] => [name, value]),
        ),
      ]);
      const text = await (await http('GET', `/v1/devices/export?${parameters}`)).text();
      const ids = text
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line).id);
      expect(ids).toEqual(stored.filter((device) => matchesDevice(asked, device)).map(({ id }) => id));
      found += ids.length;
    }),
    { numRuns: 60 },
  );
  expect(found).toBeGreaterThan(100);
  expect((await http('GET', '/v1/devices/export?feature=levitation')).status).toBe(400);
  expect((await http('GET', '/v1/devices/export?colour=red')).status).toBe(400);
});

test('devices that were retired are exported apart, since a time, and an import of that brings them back', async () => {
  await forget();
  const ids = ['R1', 'R2', 'R3'];
  await changeDevices(
    pool,
    ids.map((id) => bring(id, { label: `Room ${id}`, tags: ['t'] })),
    envelope(),
  );
  const retire = (id: string) => ({ deviceId: id, command: { kind: 'retire' as const }, causeId: randomUUID() });
  await changeDevices(pool, [retire('R1')], envelope());
  const { body } = await registry.call('GET', '/v1/devices/R1');
  const since = new Date(Date.parse(body.retiredAt) + 1).toISOString();
  await eventually(async () => (await registry.db.query('SELECT now() > $1 AS is', [since])).rows[0].is);
  await changeDevices(pool, [retire('R2')], envelope());

  const retired = async (more = '') =>
    (await http('GET', `/v1/devices/export?format=ndjson&state=retired${more}`)).text();
  const idsOf = (text: string) => text.match(/"id":"R\d"/g)?.join();
  expect(idsOf(await retired())).toBe('"id":"R1","id":"R2"');
  expect(idsOf(await retired(`&retiredSince=${since}`))).toBe('"id":"R2"');
  expect(idsOf(await retired('&q=r1'))).toBe('"id":"R1"');
  expect(idsOf(await (await http('GET', '/v1/devices/export?format=ndjson')).text())).toBe('"id":"R3"');
  const wrong = await registry.call('GET', `/v1/devices/export?retiredSince=${since}`);
  expect([wrong.status, wrong.body.errors]).toEqual([
    400,
    [{ pointer: '/retiredSince', detail: 'needs state=retired' }],
  ]);

  const back = await (await http('POST', '/v1/devices/import?format=ndjson', {}, await retired())).json();
  expect(back).toMatchObject({ lines: 2, created: 2, refused: 0 });
  expect((await registry.call('GET', '/v1/devices/R2')).body).toMatchObject({ label: 'Room R2', tags: ['t'] });
  expect(await retired()).toBe('');
});

const everything: DeviceQuery = { q: '', feature: [], match: 'all', group: [], platform: [], model: [], tag: [] };

test('a long export is one snapshot: it outlasts the time of a transaction, and shows nothing that changed meanwhile', async () => {
  await forget();
  const ids = Array.from({ length: 2_500 }, (_, n) => `L${String(n).padStart(5, '0')}`);
  await changeDevices(
    pool,
    ids.map((id) => bring(id, { label: 'before' })),
    envelope(),
  );
  const labels = new Set<string>();
  let count = 0;
  for await (const rows of eachDevice(hasty, everything)) {
    for (const { label } of rows) labels.add(label);
    count += rows.length;
    if (count > 250) continue;
    const late = { label: 'after' };
    await changeDevices(pool, [bring(ids.at(-1)!, late), bring('L99999', late)], envelope());
    await registry.db.query('SELECT pg_sleep(0.4)');
  }
  expect([count, [...labels]]).toEqual([2_500, ['before']]);
});

test('an export that is left half-way gives its connection back', async () => {
  for (let n = 0; n < 6; n++) {
    const leave = new AbortController();
    const answer = await fetch(`${registry.service.url}/v1/devices/export`, {
      headers: { authorization: `Bearer ${key}` },
      signal: leave.signal,
    });
    expect([200, 503]).toContain(answer.status);
    leave.abort();
    await answer.text().catch(() => {});
  }
  await eventually(async () => (await http('GET', '/v1/devices/export')).status === 200);
  const rows = eachDevice(hasty, everything);
  await rows.next();
  await rows.return(undefined);
  expect([hasty.totalCount, hasty.idleCount]).toEqual([1, 1]);
});

test('a HEAD does not read all devices for nobody', async () => {
  expect((await http('HEAD', '/v1/devices/export')).status).toBe(404);
});

/** The route alone, with a shorter patience. */
async function hastyExport(unreadSeconds: number, longReads: pg.Pool) {
  const authenticator = createAuthenticator({ pool, log: createLog('test', 'silent') });
  const app = fastify({ forceCloseConnections: true });
  serveExport(app, authenticator, { longReads, lifecycle: { signal: new AbortController().signal } }, unreadSeconds);
  const url = await app.listen({ port: 0, host: '127.0.0.1' });
  const get = () => fetch(`${url}/v1/devices/export`, { headers: { authorization: `Bearer ${key}` } });
  return {
    get,
    close: async () => {
      await app.close();
      await authenticator.close();
    },
  };
}

test('an export that nobody reads on with is cut off, and its place and its connection are free again', async () => {
  await forget();
  // More than the buffers of the sockets between hold.
  const changes = Array.from({ length: 6_000 }, (_, n) =>
    bring(`U${n}`, { hostnames: many(16, (k) => `${k}`.repeat(120)) }),
  );
  for (let at = 0; at < changes.length; at += 2_000) {
    await changeDevices(pool, changes.slice(at, at + 2_000), envelope(), { read: 'rows' });
  }
  const route = await hastyExport(0.2, pool);
  try {
    const unread = [await route.get(), await route.get()];
    expect(unread.map(({ status }) => status)).toEqual([200, 200]);
    await eventually(() => pool.idleCount === pool.totalCount);
    const whole = await route.get();
    expect(whole.status).toBe(200);
    expect((await whole.text()).split('\n')).toHaveLength(6_002);
    for (const answer of unread) await expect(answer.text()).rejects.toThrow();
  } finally {
    await route.close();
  }
}, 60_000);

test('an export that finds no connection is refused, not begun', async () => {
  const none = new pg.Pool({ connectionString: registry.database.url, max: 1, connectionTimeoutMillis: 100 });
  const held = await none.connect();
  const route = await hastyExport(120, none);
  try {
    for (let n = 0; n < 3; n++) expect((await route.get()).status).toBe(500);
    held.release();
    expect((await route.get()).status).toBe(200);
  } finally {
    await route.close();
    await none.end();
  }
});
