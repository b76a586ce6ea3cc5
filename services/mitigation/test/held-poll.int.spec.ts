import { Agent } from 'node:http';
import type { Socket } from 'node:net';
import { eventually } from '@quell/testing/eventually';
import { type EnrolledAgent, type RunningMitigation, startMitigation } from './running-mitigation.fixture.ts';

let mitigation: RunningMitigation;
const sockets = new Set<Socket>();
beforeAll(async () => {
  mitigation = await startMitigation();
  mitigation.service.app.getHttpServer().on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
}, 60_000);
afterAll(() => mitigation.stop());

/** Longer than a test may take. */
const LONG = 50;
const poll = (agent: EnrolledAgent, waitSeconds: number, more: { signal?: AbortSignal; agent?: Agent } = {}) =>
  mitigation.signed(
    agent,
    'POST',
    '/v1/agents/me/check-in',
    { bootId: 'boot-1', agentVersion: '1', capabilities: ['assess', 'mitigate', 'scan', 'rollback'], waitSeconds },
    more,
  );
const openScan = async (agent: EnrolledAgent) => {
  const body = JSON.stringify({ kind: 'on-demand-scan', endpoint: { agentId: agent.agentId } });
  const answer = await mitigation.call('POST', '/v1/tasks', { key: mitigation.keys.admin, body });
  return answer.body.id as string;
};
/** Resolves once the agent's check-in has come so far that it is held. */
const held = (agent: EnrolledAgent) =>
  eventually(async () => {
    const [row] = await mitigation.scene.rows(
      'SELECT boot_id FROM mitigation.agent WHERE agent_id = $1',
      agent.agentId,
    );
    return row?.boot_id === 'boot-1';
  });

test('a scan that is opened answers the check-in that waits for work', async () => {
  const agent = await mitigation.enrol();
  const answered = poll(agent, LONG);
  await held(agent);
  const taskId = await openScan(agent);
  expect(await answered).toMatchObject({ status: 200, body: { tasks: [{ taskId, attempt: 1 }] } });
}, 20_000);

test('an agent that hung up while it waited is handed nothing: the run is there for its next check-in', async () => {
  const agent = await mitigation.enrol();
  const gone = new AbortController();
  const connections = sockets.size;
  const own = new Agent({ keepAlive: false });
  const answered = poll(agent, LONG, { signal: gone.signal, agent: own });
  await held(agent);
  expect(sockets.size).toBe(connections + 1);
  gone.abort();
  await expect(answered).rejects.toThrow();
  await eventually(() => sockets.size === connections);
  const taskId = await openScan(agent);
  expect((await poll(agent, 0)).body.tasks).toMatchObject([{ taskId, attempt: 1 }]);
}, 20_000);

test('a newer check-in of an agent takes the place of the one that is still held: work goes to the newer one', async () => {
  const agent = await mitigation.enrol();
  const older = poll(agent, LONG);
  await held(agent);
  const newer = poll(agent, LONG);
  expect(await older).toMatchObject({ status: 200, body: { tasks: [], outcomes: [] } });
  const taskId = await openScan(agent);
  expect((await newer).body.tasks).toMatchObject([{ taskId, attempt: 1 }]);
}, 20_000);

test('a connection that is kept open over many check-ins gathers nothing', async () => {
  const agent = await mitigation.enrol();
  const one = new Agent({ keepAlive: true, maxSockets: 1 });
  const before = new Set(sockets);
  const listeners: number[] = [];
  for (let count = 0; count < 12; count++) {
    expect((await poll(agent, 0, { agent: one })).status).toBe(200);
    const [socket] = [...sockets].filter((each) => !before.has(each));
    listeners.push(socket!.listenerCount('close'));
  }
  expect(new Set(listeners).size).toBe(1);
  one.destroy();
});

test('a stop answers held check-ins at once, with nothing', async () => {
  const agents = [await mitigation.enrol(), await mitigation.enrol()];
  const answers = agents.map((agent) => poll(agent, LONG));
  for (const agent of agents) await held(agent);
  await mitigation.service.stop('the test says so');
  for (const answer of answers) {
    expect(await answer).toMatchObject({ status: 200, body: { tasks: [], cancels: [], probes: [], outcomes: [] } });
  }
}, 20_000);
