import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { JobDto } from '@quell/contracts/job';
import { eventually } from '@quell/testing/eventually';
import { type FreshDatabase, freshDatabase } from '@quell/testing/postgres';
import type pg from 'pg';
import { createPool } from '../src/database.ts';
import { gaugesOf } from '../src/feed-metrics.ts';
import { Claims } from '../src/jobs/claims.ts';
import { JobFailed, type JobKind } from '../src/jobs/job-kind.ts';
import { measureJobs } from '../src/jobs/job-metrics.ts';
import { JobRunner, type JobRunnerOptions } from '../src/jobs/job-runner.ts';
import { addRequestKeys, createJobTable } from '../src/jobs/job-table.ts';
import { Jobs } from '../src/jobs/jobs.ts';
import { createLog } from '../src/log.ts';
import { Registry } from '../src/metrics.ts';
import { countingKind, SCHEMA } from './counting-job.fixture.ts';

const log = createLog('test', 'silent');
let database: FreshDatabase;
let pool: pg.Pool;
let jobs: Jobs;
const runners: JobRunner[] = [];

beforeAll(async () => {
  database = await freshDatabase();
  pool = createPool({ connectionString: database.url, max: 20 }, log);
  await pool.query(`CREATE SCHEMA ${SCHEMA}`);
  for (const statement of [...createJobTable(SCHEMA), ...addRequestKeys(SCHEMA)]) await pool.query(statement);
  await pool.query(`CREATE TABLE ${SCHEMA}.counted (job_id uuid, n int)`);
  jobs = new Jobs(pool, SCHEMA);
});
afterEach(async () => {
  await Promise.all(runners.splice(0).map((runner) => runner.stop()));
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

function start(kinds: JobRunnerOptions['kinds'], more: Partial<JobRunnerOptions> = {}): JobRunner {
  const runner = new JobRunner({ pool, schema: SCHEMA, kinds, log, pollSeconds: 0.05, ...more });
  runners.push(runner);
  runner.start();
  return runner;
}

const create = (kind: string, input: object = {}) => jobs.create({ kind, input, createdBy: 'key:test' });

const reached = (id: string, holds: (job: JobDto) => boolean) =>
  eventually(
    async () => {
      const job = await jobs.find(id);
      return job !== undefined && holds(job) && job;
    },
    { timeoutMs: 30_000 },
  );

const ended = (id: string) => reached(id, ({ finishedAt }) => finishedAt !== undefined);

async function counted(id: string): Promise<number[]> {
  const { rows } = await pool.query(`SELECT n FROM ${SCHEMA}.counted WHERE job_id = $1 ORDER BY n`, [id]);
  return rows.map(({ n }) => n);
}

const upTo = (n: number) => Array.from({ length: n }, (_, index) => index + 1);

/** A kind with one chunk, which is this function. */
const kindOf = (kind: string, step: JobKind<object, unknown>['step'], more: object = {}): JobKind<object, unknown> => ({
  kind,
  step,
  ...more,
});

const finished = { checkpoint: 1, progress: { done: 1, failed: 0 }, done: true };

test('a request makes one job however often it comes, and none under the id of another job', async () => {
  const key = () => ({ key: randomUUID(), sha256: 'a' });
  const request = key();
  const job = { kind: 'none', input: {}, createdBy: 'key:test' };
  const made = await Promise.all([1, 2, 3].map(() => jobs.createOnce(job, request)));
  expect(new Set(made.map(({ id }) => id)).size).toBe(1);
  await expect(jobs.createOnce({ ...job, id: made[0]!.id }, key())).rejects.toThrow('duplicate key');
});

test('what no jsonb holds, such as U+0000 in a name that a file had, is shown as U+FFFD and ends no job', async () => {
  const odd = ['nul \u0000', 'half \ud800', 'whole \u{1f600}', 'written \\u0000 "\\', '\ud83d\u0000'];
  const shown = ['nul \ufffd', 'half \ufffd', 'whole \u{1f600}', 'written \\u0000 "\\', '\ufffd\ufffd'];
  const failures = odd.map((pointer, line) => ({ line, pointer, detail: 'odd' }));
  const told = { ...finished, checkpoint: odd, failures, result: { [odd[0]!]: odd } };
  const { id } = await create('odd');
  const failing = await create('odd-end');
  start([
    kindOf('odd', async () => told),
    kindOf('odd-end', async () => {
      throw new JobFailed(odd[0]!);
    }),
  ]);
  expect(await ended(id)).toMatchObject({ state: 'succeeded', result: { [shown[0]!]: shown } });
  const page = await jobs.failures(id, { limit: 10 });
  expect(page?.items.map(({ pointer }) => pointer)).toEqual(shown);
  expect(await ended(failing.id)).toMatchObject({ state: 'failed', error: shown[0] });
});

test('a job is queued, done chunk after chunk, and shows its progress, its times and its result', async () => {
  const { id, state, createdBy } = await create('counting', { to: 5 });
  expect({ state, createdBy }).toEqual({ state: 'queued', createdBy: 'key:test' });
  start([countingKind]);
  const job = await ended(id);
  expect(job).toMatchObject({ state: 'succeeded', progress: { done: 5, total: 5, failed: 0 }, input: { to: 5 } });
  expect(job.startedAt! <= job.finishedAt!).toBe(true);
  expect(await counted(id)).toEqual(upTo(5));
});

test('a replica that is killed leaves its job to another, which goes on at the last checkpoint', async () => {
  const { id } = await create('counting', { to: 60, pauseMilliseconds: 20 });
  const root = fileURLToPath(new URL('../../..', import.meta.url));
  const program = fileURLToPath(new URL('job-process.fixture.ts', import.meta.url));
  const child = spawn(process.execPath, ['--import', '@swc-node/register/esm-register', program], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, NODE_OPTIONS: '', DATABASE_URL: database.url },
  });
  const { progress } = await reached(id, (job) => job.progress.done > 0);
  child.kill('SIGKILL');
  await once(child, 'exit');
  expect(progress.done).toBeLessThan(60);
  start([countingKind]);
  expect((await ended(id)).state).toBe('succeeded');
  expect(await counted(id)).toEqual(upTo(60));
});

test('runners that steal each other’s claims at any moment do no chunk twice', async () => {
  const { id } = await create('counting', { to: 300 });
  const replicas = [1, 2, 3].map(() => start([countingKind], { pollSeconds: 0.001 }));
  let stolen = 0;
  const thief = async () => {
    for (let open = true; open; ) {
      const { rowCount } = await pool.query(
        `UPDATE ${SCHEMA}.job SET claimed_until = 'epoch', claims = 0 WHERE id = $1 AND state = 'running'`,
        [id],
      );
      stolen += rowCount ?? 0;
      open = (await jobs.find(id))?.finishedAt === undefined;
    }
  };
  await thief();
  await Promise.all(replicas.map((replica) => replica.stop()));
  expect(stolen).toBeGreaterThan(10);
  expect((await jobs.find(id))?.state).toBe('succeeded');
  expect(await counted(id)).toEqual(upTo(300));
});

test('a runner that stops gives its job back between two chunks, and the next one goes on at once', async () => {
  const { id } = await create('counting', { to: 50, pauseMilliseconds: 10 });
  const first = start([countingKind]);
  await reached(id, ({ progress }) => progress.done > 1);
  await first.stop();
  const { rows } = await pool.query(`SELECT state, claim, checkpoint FROM ${SCHEMA}.job WHERE id = $1`, [id]);
  expect(rows).toEqual([{ state: 'running', claim: null, checkpoint: expect.any(Number) }]);
  expect(await counted(id)).toEqual(upTo(rows[0].checkpoint));
  start([countingKind]);
  await ended(id);
  expect(await counted(id)).toEqual(upTo(50));
});

test('a queued job is cancelled at once, a running one after its chunk, one that has ended not at all', async () => {
  const { id: queued } = await create('nobody does this');
  expect(await jobs.cancel(queued)).toMatchObject({ state: 'cancelled', finishedAt: expect.any(String) });

  const { id: running } = await create('counting', { to: 1_000_000 });
  start([countingKind]);
  await reached(running, ({ progress }) => progress.done > 1);
  expect((await jobs.cancel(running))?.cancelRequestedAt).toBeDefined();
  const { state, progress } = await ended(running);
  expect(state).toBe('cancelled');
  expect(await counted(running)).toEqual(upTo(progress.done));

  const again = await jobs.cancel(queued);
  expect(again).toEqual(await jobs.find(queued));
  expect(await jobs.cancel('00000000-0000-7000-8000-000000000000')).toBeUndefined();
});

test('a long chunk hears of the cancellation by its signal', async () => {
  const { id } = await create('long');
  start(
    [
      kindOf(
        'long',
        (_job, signal) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
      ),
    ],
    { claimSeconds: 0.3 },
  );
  await reached(id, ({ state }) => state === 'running');
  await jobs.cancel(id);
  expect((await ended(id)).state).toBe('cancelled');
});

test('an error that may pass is met by trying again; one that is told fails the job with its words; any other hides them', async () => {
  const tries: number[] = [];
  const flaky = kindOf(
    'flaky',
    async ({ failedTries, lastError }) => {
      tries.push(failedTries);
      if (failedTries === 0) throw Object.assign(new Error('canceling statement'), { code: '57014' });
      if (failedTries === 1) throw new RangeError('a conflict');
      expect(lastError).toBeInstanceOf(RangeError);
      return finished;
    },
    { mayPass: (error: unknown) => error instanceof RangeError },
  );
  const told = kindOf('told', async () => {
    throw new JobFailed('The policy is gone.');
  });
  const broken = kindOf('broken', async () => {
    throw new Error('undefined is not a function');
  });
  const made = await Promise.all(['flaky', 'told', 'broken'].map((kind) => create(kind)));
  start([flaky, told, broken]);
  const [first, second, third] = await Promise.all(made.map(({ id }) => ended(id)));
  expect([first?.state, tries]).toEqual(['succeeded', [0, 1, 2]]);
  expect(second).toMatchObject({ state: 'failed', error: 'The policy is gone.' });
  expect(third).toMatchObject({ state: 'failed', error: expect.stringMatching(/our side/) });
});

test('a chunk that takes its process down every time is given up', async () => {
  const { id } = await create('deadly');
  await pool.query(`UPDATE ${SCHEMA}.job SET claims = 10 WHERE id = $1`, [id]);
  let steps = 0;
  start([kindOf('deadly', async () => ({ ...finished, result: { steps: ++steps } }))]);
  expect(await ended(id)).toMatchObject({ state: 'failed', error: expect.stringMatching(/10 processes/) });
  expect(steps).toBe(0);
});

test('at most so many jobs run at one time, the oldest first', async () => {
  const made = await Promise.all([1, 2, 3].map(() => create('gate')));
  const ids = made.map(({ id }) => id).sort();
  const begun: string[] = [];
  let open: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  const waiting = kindOf('gate', async ({ id }) => {
    begun.push(id);
    await gate;
    return finished;
  });
  start([waiting], { atOnce: 2 });
  await eventually(() => begun.length === 2);
  // Looks for more work meanwhile, and takes none.
  expect((await jobs.find(ids[2]!))?.state).toBe('queued');
  expect(begun).toEqual(ids.slice(0, 2));
  open();
  expect((await ended(ids[2]!)).state).toBe('succeeded');
});

test('jobs of one kind do not keep another kind waiting, where the kind has a bound of its own', async () => {
  let open: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  const slow = kindOf('slow', () => gate.then(() => finished), { atOnce: 1 });
  const quick = kindOf('quick', async () => finished);
  const slows = [await create('slow'), await create('slow'), await create('slow')];
  const late = await create('quick');
  start([slow, quick], { atOnce: 2 });
  expect((await ended(late.id)).state).toBe('succeeded');
  const states = await Promise.all(slows.map(async ({ id }) => (await jobs.find(id))?.state));
  expect(states).toEqual(['running', 'queued', 'queued']);
  open();
  for (const { id } of slows) expect((await ended(id)).state).toBe('succeeded');
});

test('what could not be done is listed in its order, page by page, and a bound keeps the list in size', async () => {
  const { id } = await create('failing');
  const at = (line: number) => ({ line, detail: `line ${line} is wrong` });
  start([
    kindOf('failing', async ({ checkpoint }) =>
      checkpoint === undefined
        ? { checkpoint: 1, progress: { done: 3, failed: 2 }, failures: [at(1), at(3)] }
        : {
            checkpoint: 2,
            progress: { done: 20_003, failed: 20_002 },
            failures: upTo(20_000).map((n) => at(n + 3)),
            done: true,
          },
    ),
  ]);
  await ended(id);
  const first = await jobs.failures(id, { limit: 3 });
  expect(first?.items).toEqual([at(1), at(3), at(4)]);
  const next = await jobs.failures(id, { limit: 500, cursor: first!.nextCursor! });
  expect(next?.items[0]).toEqual(at(5));
  const { rows } = await pool.query(`SELECT count(*)::int AS n FROM ${SCHEMA}.job_failure WHERE job_id = $1`, [id]);
  expect(rows).toEqual([{ n: 10_000 }]);
  expect(await jobs.failures('00000000-0000-7000-8000-000000000000', { limit: 1 })).toBeUndefined();
});

test('jobs are listed the newest first, by kind and state, and a request that is repeated makes no second one', async () => {
  const made = [];
  for (let n = 0; n < 3; n++) made.push(await create('listed'));
  const ids = made.map(({ id }) => id);
  const [oldest] = made;
  await jobs.cancel(oldest!.id);
  const page = await jobs.list({ limit: 2, kind: ['listed'] });
  expect(page.items.map(({ id }) => id)).toEqual([ids[2], ids[1]]);
  const rest = await jobs.list({ limit: 2, kind: ['listed'], cursor: page.nextCursor! });
  expect(rest).toEqual({ items: [await jobs.find(oldest!.id)] });
  expect((await jobs.list({ limit: 9, kind: ['listed'], state: ['cancelled'] })).items).toHaveLength(1);

  const again = await jobs.create({ id: ids[1]!, kind: 'other', input: { other: true }, createdBy: 'key:other' });
  expect(again).toEqual(made[1]);
});

test('gauges tell what waits and runs, and how long nobody took it', async () => {
  const metrics = new Registry();
  measureJobs(gaugesOf(metrics, log, 'things'), { pool, schema: SCHEMA });
  const wait = async () => Number(/^things_jobs_longest_wait_seconds (\S+)$/m.exec(await metrics.metrics())?.[1]);
  const { id } = await create('measured');
  await pool.query(`UPDATE ${SCHEMA}.job SET created_at = clock_timestamp() - interval '1 hour' WHERE id = $1`, [id]);
  expect(await wait()).toBeGreaterThanOrEqual(3_600);
  expect(await metrics.metrics()).toContain('things_jobs_open{kind="measured",state="queued"} 1');
  await jobs.cancel(id);
  expect(await wait()).toBeLessThan(3_600);
  expect(await metrics.metrics()).not.toContain('measured');
});

test('what ended long ago is forgotten, with its failures', async () => {
  const { id } = await create('old');
  await pool.query(`INSERT INTO ${SCHEMA}.job_failure VALUES ($1, 0, 1, '{}')`, [id]);
  await jobs.cancel(id);
  await pool.query(`UPDATE ${SCHEMA}.job SET finished_at = now() - interval '31 days' WHERE id = $1`, [id]);
  const { id: young } = await create('young');
  await jobs.cancel(young);
  expect(await new Claims(SCHEMA, 1).prune(pool, 30)).toBe(false);
  expect(await jobs.find(id)).toBeUndefined();
  expect(await jobs.find(young)).toBeDefined();
});
