import { rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { Catalogue } from './catalogue.ts';
import { type DataDir, randomSecret, secretFile, takeDataDir } from './data-dir.ts';
import { portProblem } from './free-port.ts';
import { readSettings, type Settings } from './settings.ts';
import { type Stack, StackRunner } from './stack.ts';
import { StartError } from './start-error.ts';

/**
 * Runs a stack until `stopRequested` is aborted or a part dies: takes the data directory, starts all parts, tells the user, stops
 * them in order.
 *
 * @param say prints one line.
 * @returns 0 when stopped by request.
 * @throws StartError for everything the user can cure; nothing is left running then.
 */
export async function launch(
  env: NodeJS.ProcessEnv,
  catalogue: Catalogue,
  stopRequested: AbortSignal,
  say: (line: string) => void,
): Promise<number> {
  const settings = readSettings(env);
  await requireFreePort(settings);
  const dataDir = await takeDataDir(settings.dataDir);
  try {
    return await runStack(env, settings, dataDir, catalogue, stopRequested, say);
  } finally {
    dataDir.release();
  }
}

async function runStack(
  env: NodeJS.ProcessEnv,
  settings: Settings,
  dataDir: DataDir,
  catalogue: Catalogue,
  stopRequested: AbortSignal,
  say: (line: string) => void,
): Promise<number> {
  const from = Date.now();
  say(`Quell, data in ${shown(dataDir.path)}`);
  const keyFile = join(dataDir.path, 'admin.key');
  const adminKey = settings.adminKey ?? (await secretFile(keyFile, () => `quell_${randomSecret()}`));
  const runner = new StackRunner(
    { settings, catalogue, adminKey, env },
    {
      up: (name, text) => say(`  ${name.padEnd(11)} ${text}`),
      progress: (name, text) => say(`  ${name.padEnd(11)} … ${text}`),
    },
  );
  const processes = join(dataDir.path, 'processes.json');
  const requested = new Promise<'requested'>((resolve) => {
    if (stopRequested.aborted) resolve('requested');
    stopRequested.addEventListener('abort', () => resolve('requested'), { once: true });
  });
  try {
    const stack = await Promise.race([runner.start(), requested]);
    if (stack !== 'requested') {
      writeFileSync(processes, `${JSON.stringify({ url: stack.url, launcher: process.pid, ...stack.processes })}\n`);
      tell(stack, settings.adminKey ? undefined : keyFile, Date.now() - from, say);
      await Promise.race([runner.died, requested]);
    }
    say('Stopping …');
    return 0;
  } finally {
    await runner.stop();
    rmSync(processes, { force: true });
    if (stopRequested.aborted) say('Stopped; the data stays.');
  }
}

function tell(stack: Stack, keyFile: string | undefined, tookMs: number, say: (line: string) => void): void {
  const key = keyFile ? `$(cat ${shown(keyFile)})` : '$QUELL_ADMIN_KEY';
  say(`  Admin key   ${keyFile ? shown(keyFile) : 'QUELL_ADMIN_KEY'}`);
  say(`Ready at ${stack.url} after ${(tookMs / 1000).toFixed(1)} s. Try:`);
  say(`  curl -H "Authorization: Bearer ${key}" ${stack.url}/v1/tasks`);
  // The demo finds a stack of other settings by the same names.
  const named = ['QUELL_PORT', 'QUELL_DATA_DIR', 'QUELL_ADMIN_KEY'].filter((name) => process.env[name]);
  const same = named
    .map((name) => (name === 'QUELL_ADMIN_KEY' ? `${name}=… ` : `${name}=${process.env[name]} `))
    .join('');
  say(`  ${same}npm run demo      (in another terminal)`);
  say('Ctrl-C stops everything; the data stays.');
}

/** A path as the user would type it. */
function shown(path: string): string {
  const short = relative(process.cwd(), path);
  return short === '' || short.startsWith('..') ? path : short;
}

async function requireFreePort({ host, port }: Settings): Promise<void> {
  const problem = await portProblem(host, port);
  if (problem?.code === 'EADDRINUSE') {
    throw new StartError(`Port ${port} on ${host} is taken. Stop what uses it, or set QUELL_PORT to another port.`);
  }
  if (problem) {
    throw new StartError(`Port ${port} on ${host} cannot be used (${problem.message}). Set QUELL_PORT or QUELL_HOST.`);
  }
}
