import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually } from '@quell/testing/eventually';
import { runAgent } from '../src/service/agent.ts';
import { type RawOptions, readOptions } from '../src/settings/command-line.ts';
import { reportCommand, scanCommand } from '../src/user-commands.ts';
import { EICAR, EICAR_SHA256, Playground } from './fixtures.ts';
import { ProtocolServer } from './protocol-server.ts';

let place: Playground;
let server: ProtocolServer;
let said: string[];

beforeEach(async () => {
  place = await Playground.make();
  server = new ProtocolServer();
  said = [];
  await server.listen();
});
afterEach(async () => {
  await server.close();
  await place.dispose();
  expect(server.violations).toEqual([]);
});

const options = (raw: Partial<RawOptions> = {}) =>
  readOptions(
    {
      ...{ url: server.url, token: server.token, root: [place.root], state: place.state },
      ...{ wait: '5', retryBase: '0.02', retryCap: '0.1', ...raw },
    },
    (line) => void said.push(line),
  );

const once = (raw: Partial<RawOptions> = {}) => runAgent(options({ ...raw, once: true }), new AbortController().signal);

/** Runs an agent beside the test body and stops it after. */
async function during(body: () => Promise<void>, raw: Partial<RawOptions> = {}): Promise<void> {
  const stopping = new AbortController();
  const agent = runAgent(options(raw), stopping.signal);
  try {
    await body();
  } finally {
    stopping.abort();
    await agent;
  }
}

test('the key is made once, for its owner alone, and the enrolment is sent once', async () => {
  await once();
  const key = await readFile(join(place.state, 'identity.json'), 'utf8');
  expect((await stat(join(place.state, 'identity.json'))).mode & 0o777).toBe(0o600);
  await once();
  expect(await readFile(join(place.state, 'identity.json'), 'utf8')).toBe(key);
  expect(server.requests.filter((line) => line.endsWith('/enrol'))).toHaveLength(1);
  expect(new Set(server.checkIns.map(({ bootId }) => bootId)).size).toBe(2);
});

test('a lost answer to the enrolment is asked for again under the same id', async () => {
  server.outage = { status: 503 };
  await during(async () => {
    await eventually(() => server.requests.length >= 3);
    server.outage = undefined;
    await eventually(() => server.checkIns.length > 0);
  });
  expect(server.enrolments.size).toBe(1);
});

test('a wrong token is a clear refusal', async () => {
  await expect(once({ token: 'wrong' })).rejects.toThrow('refuses the enrolment');
});

test('a damaged key is never replaced by a new one', async () => {
  await once();
  await writeFile(join(place.state, 'identity.json'), '{"kty":');
  await expect(once()).rejects.toThrow('is damaged');
  expect(await readFile(join(place.state, 'identity.json'), 'utf8')).toBe('{"kty":');
});

test('an endpoint whose clock is wrong by a day takes the offset from the refusal and is let in', async () => {
  server.clockAheadSeconds = 86_400;
  await once();
  expect(server.checkIns.length).toBeGreaterThan(0);
  server.clockAheadSeconds = -86_400;
  await once();
});

test('an outage loses nothing: the result made during it arrives after it, once', async () => {
  const path = await place.put('root/eicar.com', EICAR);
  const task = server.open('mitigate', { targets: [{ id: 't', kind: 'file', path }] });
  const serve = server.open.bind(server);
  await during(async () => {
    await eventually(() => task.phase !== 'queued');
    server.outage = { status: 503, retryAfter: '0' };
    await eventually(() => said.some((line) => line.includes('finished')) || task.results.length > 0);
    server.outage = undefined;
    await eventually(() => task.results.length > 0);
    expect(serve('assess')).toBeDefined();
  });
  expect(task.results).toHaveLength(1);
  expect(task.results[0]?.result).toMatchObject({ outcome: 'finished', backups: [{ path }] });
});

test('a run whose result stands in the journal is not executed again: the result is sent under the higher attempt', async () => {
  const path = await place.put('root/eicar.com', EICAR);
  const task = server.open('mitigate', { targets: [{ id: 't', kind: 'file', path }] });
  await once();
  await place.put('root/eicar.com', EICAR);
  server.loseDelivery(task);
  await once();
  expect(task.results.map(({ attempt }) => attempt)).toEqual([1, 2]);
  expect(task.results[1]?.result).toEqual(task.results[0]?.result);
  expect(await place.copiesOf(EICAR_SHA256)).toEqual([path]);
});

test('while a run that changes state is at work another one is put off, and done after it', async () => {
  await place.put('root/eicar.com', EICAR);
  const asking = server.open('scan', { choose: true, promptTimeoutSeconds: 2 }, 'on-demand-scan');
  await during(async () => {
    await eventually(() => said.some((line) => line.includes('which of 1')));
    asking.phase = 'ended';
    const second = server.open('mitigate', {}, 'user-initiated-event');
    await eventually(() => said.some((line) => line.includes('busy')));
    asking.phase = 'accepted';
    await eventually(() => second.results.length === 1);
    expect(asking.results).toHaveLength(1);
  });
});

test('a run the server gave up is stopped without touching what it has not begun', async () => {
  const path = await place.put('root/eicar.com', EICAR);
  const task = server.open('scan', { choose: true, promptTimeoutSeconds: 600 }, 'on-demand-scan');
  await during(async () => {
    await eventually(() => said.some((line) => line.includes('which of 1')));
    task.phase = 'ended';
    await eventually(() => said.some((line) => line.includes('given up')));
  });
  expect(await readFile(path, 'utf8')).toBe(EICAR);
  expect(task.results).toEqual([]);
});

test('a run interrupted by a stop goes on at the next start under the same attempt', async () => {
  const path = await place.put('root/eicar.com', EICAR);
  const task = server.open('scan', { choose: true, promptTimeoutSeconds: 600 }, 'on-demand-scan');
  await during(() => eventually(() => said.some((line) => line.includes('which of 1'))).then(() => {}));
  expect(task.results).toEqual([]);
  await once({ choose: 'all' });
  expect(task.results).toMatchObject([{ attempt: 1, result: { threats: [{ path, outcome: 'resolved' }] } }]);
});

test('a second agent on one state folder is refused while the first one lives', async () => {
  await during(async () => {
    await eventually(() => server.checkIns.length > 0);
    await expect(once()).rejects.toThrow('another agent is running');
  });
  await once();
});

test('a scan and a report begun by the user are done by the agent and carry the endpoint user’s choice', async () => {
  await once();
  const scanned = await place.put('root/in/eicar.com', EICAR);
  const reported = await place.put('root/reported.exe', `${EICAR} `);
  const log = (line: string) => void said.push(line);
  expect(await scanCommand({ state: place.state, path: [join(place.root, 'in')], ask: true }, log)).toBe(0);
  expect(await reportCommand({ state: place.state, name: 'Strange', path: reported }, log)).toBe(0);
  await once({ choose: 'none' });
  await once();
  const results = [...server.tasks.values()].map(({ kind, results: [first] }) => [kind, first?.result.threats?.[0]]);
  expect(results).toMatchObject([
    ['on-demand-scan', { path: scanned, outcome: 'left-by-user' }],
    ['user-initiated-event', { path: reported, outcome: 'resolved' }],
  ]);
});

test('user commands say what is missing before they call anybody', async () => {
  const log = (line: string) => void said.push(line);
  await expect(async () => scanCommand({ ask: true }, log)).rejects.toThrow('--state');
  await expect(async () => reportCommand({ name: 'x', state: place.state }, log)).rejects.toThrow('--path');
  await expect(async () => scanCommand({ ask: true, state: join(place.folder, 'none') }, log)).rejects.toThrow(
    'start the agent first',
  );
});
