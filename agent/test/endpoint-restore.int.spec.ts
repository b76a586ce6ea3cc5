import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually } from '@quell/testing/eventually';
import { AgentProcess } from './agent-process.ts';
import { EICAR, EICAR_SHA256, Playground } from './fixtures.ts';
import { ProtocolServer, type ServerTask } from './protocol-server.ts';

let place: Playground;
let server: ProtocolServer;
let path: string;
let task: ServerTask;

beforeEach(async () => {
  place = await Playground.make();
  server = new ProtocolServer();
  await server.listen();
  path = await place.put('root/eicar.com', EICAR);
  task = server.open('mitigate', { targets: [{ id: 't', kind: 'file', path }] });
});
afterEach(async () => {
  await server.close();
  await place.dispose();
  expect(server.violations).toEqual([]);
});

const agentArgs = () => [
  ...['--url', server.url, '--token', server.token, '--root', place.root, '--state', place.state],
  ...['--retry-base', '0.05', '--retry-cap', '0.2', '--wait', '5'],
];
const restoreArgs = () => ['restore', '--task', task.taskId, '--state', place.state];

test('with the agent running, restore is done by it and known to the server', async () => {
  const agent = AgentProcess.start(agentArgs());
  try {
    await eventually(() => task.results.length === 1);
    const { code, output } = await AgentProcess.run(restoreArgs());
    expect({ code, output }).toEqual({ code: 0, output: expect.stringContaining('restored') });
    await eventually(() => task.results.length === 2);
    expect(task.results[1]).toMatchObject({ run: 2, result: { outcome: 'rolled-back' } });
    expect(await place.copiesOf(EICAR_SHA256)).toEqual([path]);
  } finally {
    expect(await agent.stop()).toBe(0);
  }
});

test('without agent and server, restore is done at once and told at next contact', async () => {
  await AgentProcess.run([...agentArgs(), '--once']);
  server.outage = { status: 503 };
  const { code, output } = await AgentProcess.run(restoreArgs());
  expect({ code, output }).toEqual({ code: 0, output: expect.stringContaining('could not be reached') });
  expect(await readFile(path, 'utf8')).toBe(EICAR);
  expect(task.results).toHaveLength(1);
  server.outage = undefined;
  await AgentProcess.run([...agentArgs(), '--once']);
  expect(task.results[1]).toMatchObject({ run: 2, result: { outcome: 'rolled-back' } });
});

test('the recommended command finds the state folder by the task alone', async () => {
  const env = { QUELL_AGENT_STATE_BASE: join(place.folder, 'base') };
  const first = ['--url', server.url, '--token', server.token, '--root', place.root];
  await AgentProcess.run([...first, '--once'], env);
  const { code, output } = await AgentProcess.run(['restore', '--task', task.taskId], env);
  expect({ code, output }).toMatchObject({ code: 0 });
  expect(await readFile(path, 'utf8')).toBe(EICAR);
  await rm(path);
  const again = await AgentProcess.run(['restore', '--task', task.taskId], env);
  expect(again).toEqual({ code: 1, output: expect.stringContaining('nothing to restore') });
});

test('a restore the server refuses is not done', async () => {
  await AgentProcess.run([...agentArgs(), '--once']);
  server.reopen(task, 'assess', {});
  const { code, output } = await AgentProcess.run(restoreArgs());
  expect({ code, output }).toEqual({ code: 1, output: expect.stringContaining('another run of the task is open') });
  expect(await place.copiesOf(EICAR_SHA256)).toEqual([]);
});

test.each<[string, () => void]>([
  ['this task', () => server.tasks.delete(task.taskId)],
  ['these backups', () => server.restorable.clear()],
])('a restore does not need a server that knows %s', async (_, forget) => {
  await AgentProcess.run([...agentArgs(), '--once']);
  forget();
  const { code, output } = await AgentProcess.run(restoreArgs());
  expect({ code, output }).toEqual({ code: 0, output: expect.stringContaining('knows nothing of these backups') });
  expect(await place.copiesOf(EICAR_SHA256)).toEqual([path]);
  const asked = () => server.requests.filter((line) => line.endsWith('/v1/agents/me/tasks')).length;
  await AgentProcess.run([...agentArgs(), '--once']);
  const before = asked();
  await AgentProcess.run([...agentArgs(), '--once']);
  expect(asked()).toBe(before);
  expect(task.results).toHaveLength(1);
});

test('of a restore the server hears what it can know; everything is put back', async () => {
  const second = await place.put('root/second.com', EICAR);
  const both = [path, second].map((one, index) => ({ id: `t${index}`, kind: 'file' as const, path: one }));
  server.tasks.delete(task.taskId);
  task = server.open('mitigate', { targets: both });
  await AgentProcess.run([...agentArgs(), '--once']);
  const known = server.restorable.get(task.taskId);
  const [forgotten = '', kept] = [...(known?.keys() ?? [])];
  known?.delete(forgotten);
  const { code, output } = await AgentProcess.run(restoreArgs());
  expect({ code, output }).toMatchObject({ code: 0 });
  expect((await place.copiesOf(EICAR_SHA256)).sort()).toEqual([path, second]);
  expect(task.results[1]?.result).toEqual({ outcome: 'rolled-back', items: [{ id: kept, restored: true }] });
});
