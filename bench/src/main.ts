import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { register } from 'node:module';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { whenNpmIsGone } from '@quell/local/npm-parent';
import { type BenchArguments, help, readArguments } from './arguments.ts';
import { runContest } from './contest.ts';
import { figuresOf, type RowFigures, textOf } from './report.ts';
import type { Row } from './rows.ts';
import { type Servers, startServers } from './servers.ts';

const asked = readArguments(process.argv.slice(2));
if (asked === 'help') {
  console.log(help);
  process.exit(0);
}
if ('problem' in asked) {
  console.error(`${asked.problem} See npm run bench -- --help.`);
  process.exit(2);
}

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop.abort());
whenNpmIsGone(() => stop.abort());
const stopped = new Promise<'stopped'>((resolve) => stop.signal.addEventListener('abort', () => resolve('stopped')));

/** On stderr, so that stdout holds the figures alone. */
function progress(text: string): void {
  console.error(`  … ${text}`);
}

const dir = await mkdtemp(join(tmpdir(), 'quell-bench-'));
let servers: Servers | undefined;
let exitCode = 0;
const figures: RowFigures[] = [];
const work = measureAll(asked);
try {
  if ((await Promise.race([work, stopped])) === 'stopped') {
    console.error('Stopping.');
    exitCode = 130;
    // What was cut off fails now; it has nothing more to say.
    work.catch(() => {});
  }
} catch (error) {
  console.error(error);
  exitCode = 1;
}
if (asked.json !== undefined)
  await writeFile(asked.json, `${JSON.stringify({ ...machine(), rows: figures }, null, 2)}\n`);
await servers?.stop();
await rm(dir, { recursive: true, force: true });
process.exit(exitCode);

async function measureAll({ rows, ...settings }: BenchArguments): Promise<'done'> {
  const { cores, load } = machine();
  console.log(
    `${cores} cores, load ${load.map((one) => one.toFixed(1)).join(' ')}, Node ${process.version}, ${settings.rounds} rounds of ${settings.seconds} s`,
  );
  servers = await startServers(process.env, dir, progress);
  if (servers.postgresPid === undefined)
    console.log('No CPU of Postgres: it is no process of this machine with a /proc.');
  for (const row of rows) {
    if (stop.signal.aborted) break;
    figures.push(await measureRow(row, servers, settings));
  }
  return 'done';
}

async function measureRow(row: Row, at: Servers, settings: Omit<BenchArguments, 'rows'>): Promise<RowFigures> {
  const say = (text: string) => progress(`${row.name}: ${text}`);
  if (row.decorators) register('@swc-node/register/esm', import.meta.url);
  const open = await row.load();
  const contest = await open({ servers: at, settings, progress: say });
  try {
    const outcomes = await runContest(contest, { ...settings, progress: say });
    const measured = figuresOf(row, contest, outcomes, await contest.facts?.());
    console.log(textOf(measured));
    return measured;
  } finally {
    await contest.close();
  }
}

function machine() {
  return { at: new Date().toISOString(), cores: availableParallelism(), load: loadavg(), node: process.version };
}
