import type { CheckInResponse } from '@quell/contracts/agent-protocol';
import { eventually } from '@quell/testing/eventually';
import { cancel } from '../task/commands.ts';
import { openScene, type Scene, type TestEndpoint } from '../task-store/scene.fixture.ts';
import { replica } from './replica.fixture.ts';

let scene: Scene;
/** One that hears the others, one that tells them, and one whose connection for wakes is gone. */
let here: ReturnType<typeof replica>;
let there: ReturnType<typeof replica>;
let deaf: ReturnType<typeof replica>;
beforeAll(async () => {
  scene = await openScene();
  here = replica(scene, { listens: true });
  there = replica(scene);
  deaf = replica(scene);
  await eventually(async () => {
    const rows = await scene.rows(
      `SELECT FROM pg_stat_activity WHERE application_name = 'mitigation-wakes' AND query LIKE 'LISTEN%'
         AND datname = current_database()`,
    );
    return rows.length === 1;
  });
});
afterAll(async () => {
  await Promise.all([here, there, deaf].map((one) => one.stop()));
  await scene.close();
});

/** Longer than a test may take: only a wake ends such a hold in time. */
const LONG = 50;

/** Begins a check-in and resolves once its hold has begun. */
async function hold(at: typeof here, on: TestEndpoint, said: object = { waitSeconds: LONG }, signal?: AbortSignal) {
  const begun = new Promise<void>((resolve) => {
    const { wakes } = at;
    const next = wakes.next.bind(wakes);
    wakes.next = (...args) => {
      wakes.next = next;
      resolve();
      return next(...args);
    };
  });
  const answered = at.checkIn(on, said, signal);
  await begun;
  return { answered };
}
const nothing = { tasks: [], cancels: [], probes: [], outcomes: [] };

test('work that another replica made wakes a held check-in', async () => {
  const endpoint = await scene.endpoint();
  const { answered } = await hold(here, endpoint);
  const taskId = await scene.detect(endpoint);
  there.wakes.wake([endpoint.endpointId]);
  expect(await answered).toMatchObject({ tasks: [{ taskId, attempt: 1 }] });
}, 20_000);

test('a run that its agent was too busy for is handed out when its time has come, though nobody rings', async () => {
  const endpoint = await scene.endpoint();
  const taskId = await scene.detect(endpoint);
  const [handed] = await scene.askFor(endpoint);
  const busy = { type: 'busy', data: { retryAfterSeconds: 2 } } as const;
  expect(await scene.say(endpoint, taskId, handed!.attempt, busy)).toMatchObject([{ code: 200 }]);
  const { answered } = await hold(deaf, endpoint);
  expect(await scene.workRow(taskId)).toMatchObject({ phase: 'queued' });
  expect((await answered).tasks).toMatchObject([{ taskId, attempt: 2 }]);
}, 20_000);

test('a wake for another endpoint, or for nothing, ends no hold', async () => {
  const [endpoint, other] = [await scene.endpoint(), await scene.endpoint()];
  const { answered } = await hold(here, endpoint);
  there.wakes.wake([other.endpointId]);
  here.wakes.wake([endpoint.endpointId]);
  const taskId = await scene.detect(endpoint);
  here.wakes.wake([endpoint.endpointId]);
  expect((await answered).tasks).toMatchObject([{ taskId }]);
}, 20_000);

test('work whose wake got lost is found at the end of the hold', async () => {
  const endpoint = await scene.endpoint();
  const { answered } = await hold(deaf, endpoint, { waitSeconds: 1 });
  const taskId = await scene.detect(endpoint);
  there.wakes.wake([endpoint.endpointId]);
  expect((await answered).tasks).toMatchObject([{ taskId }]);
}, 20_000);

test('a hold without work ends with nothing', async () => {
  const endpoint = await scene.endpoint();
  expect(await deaf.checkIn(endpoint, { waitSeconds: 0.2 })).toMatchObject(nothing);
});

test('a hold whose client hung up hands nothing out, neither then nor when it is woken', async () => {
  const endpoint = await scene.endpoint();
  const gone = new AbortController();
  const { answered } = await hold(here, endpoint, { waitSeconds: LONG }, gone.signal);
  gone.abort();
  const taskId = await scene.detect(endpoint);
  here.wakes.wake([endpoint.endpointId]);
  expect(await answered).toMatchObject(nothing);
  expect(await here.checkIn(endpoint, { waitSeconds: LONG }, gone.signal)).toMatchObject(nothing);
  expect(await scene.workRow(taskId)).toMatchObject({ phase: 'queued', attempt: 0 });
}, 20_000);

test('a connection for wakes that broke is made anew', async () => {
  const listeners = () =>
    scene.rows(
      `SELECT pid FROM pg_stat_activity WHERE application_name = 'mitigation-wakes' AND query LIKE 'LISTEN%'
         AND datname = current_database()`,
    );
  const [before] = await listeners();
  await scene.rows('SELECT pg_terminate_backend($1)', before.pid);
  await eventually(async () => {
    const [now] = await listeners();
    return now !== undefined && now.pid !== before.pid;
  });
  const endpoint = await scene.endpoint();
  const { answered } = await hold(here, endpoint);
  const taskId = await scene.detect(endpoint);
  there.wakes.wake([endpoint.endpointId]);
  expect((await answered).tasks).toMatchObject([{ taskId }]);
}, 20_000);

describe('a wish to stop', () => {
  const running = (taskId: string) => [{ taskId, run: 1, attempt: 1, phase: 'cleaning' }];
  async function accepted(endpoint: TestEndpoint) {
    const taskId = await scene.detect(endpoint);
    await scene.askFor(endpoint);
    await scene.say(endpoint, taskId, 1, { type: 'accepted' });
    return taskId;
  }

  test('wakes the check-in that its agent holds', async () => {
    const endpoint = await scene.endpoint();
    const taskId = await accepted(endpoint);
    const { answered } = await hold(here, endpoint, { waitSeconds: LONG, running: running(taskId) });
    await scene.command(taskId, cancel);
    there.wakes.wake([endpoint.endpointId]);
    expect(await answered).toMatchObject({ cancels: [{ taskId, run: 1, attempt: 1 }], tasks: [] });
    expect(await here.checkIn(endpoint, { running: running(taskId) })).toMatchObject({ cancels: [{ taskId }] });
  }, 20_000);

  test('that comes right after the check-in looked for one is not missed', async () => {
    const endpoint = await scene.endpoint();
    const taskId = await accepted(endpoint);
    const { pool } = scene;
    const query = pool.query.bind(pool) as (...args: unknown[]) => Promise<unknown>;
    let looks = 0;
    const watching = async (...args: unknown[]) => {
      const answer = await query(...args);
      const isLook = (args[0] as { name?: string } | undefined)?.name === 'load-held-runs';
      if (isLook && ++looks === 2) {
        await scene.command(taskId, cancel);
        deaf.wakes.wake([endpoint.endpointId]);
      }
      return answer;
    };
    let answer: CheckInResponse;
    try {
      pool.query = watching as typeof pool.query;
      answer = await deaf.checkIn(endpoint, { waitSeconds: LONG, running: running(taskId) });
    } finally {
      pool.query = query as typeof pool.query;
    }
    expect(answer).toMatchObject({ cancels: [{ taskId }] });
  }, 20_000);
});
