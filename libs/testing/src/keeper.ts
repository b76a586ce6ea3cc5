/**
 * Keeps the servers of one jest run: starts each when a test first wants it, stops all at the end of its input, so that
 * nothing outlives the run, even one that was killed. Started by `global-setup.ts` with the run's directory.
 */
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { runDirVariable, type ServerName, serverNames, stateFile, writeState } from './servers.ts';
import { startTestServer, type TestServer } from './test-servers.ts';

const runDir = process.argv[2];
if (!runDir) throw new Error(`usage: keeper.ts <${runDirVariable}>`);

const starting = new Map<ServerName, Promise<TestServer | undefined>>();
let ended = false;
process.stdin.on('end', () => {
  ended = true;
});
process.stdin.on('error', () => {
  ended = true;
});
process.stdin.resume();
// Ctrl-C reaches the whole terminal group; the end of input is what ends the keeper.
process.on('SIGINT', () => {});

async function start(server: ServerName, dir: string): Promise<TestServer | undefined> {
  try {
    const started = await startTestServer(server, dir);
    writeState(dir, server, 'ready', started.address);
    return started;
  } catch (error) {
    writeState(dir, server, 'failed', error instanceof Error ? error.message : String(error));
    return undefined;
  }
}

while (!ended) {
  for (const server of serverNames) {
    if (!starting.has(server) && existsSync(stateFile(runDir, server, 'wanted')))
      starting.set(server, start(server, runDir));
  }
  await delay(50);
}
const started = await Promise.all(starting.values());
await Promise.all(started.map((server) => server?.stop()));
await rm(runDir, { recursive: true, force: true });
process.exit(0);
