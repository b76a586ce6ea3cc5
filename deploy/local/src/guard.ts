/**
 * The small process between the launcher and a server that does not notice when its parent is gone (Postgres, Java).
 * It holds the read end of the launcher's pipe: SIGTERM here stops the server in order, end of file (the launcher died)
 * stops it at once. Started by `guarded-server.ts`; never imported.
 */
import { spawn } from 'node:child_process';
import type { GuardOrder } from './guarded-server.ts';

const order = JSON.parse(process.argv[2] ?? '') as GuardOrder;
const server = spawn(order.command, order.args, {
  stdio: ['ignore', process.stderr, process.stderr],
  ...(order.cwd ? { cwd: order.cwd } : {}),
  ...(order.account ? { uid: order.account.uid, gid: order.account.gid } : {}),
});

let stopping = false;
function stop(signal: NodeJS.Signals, killAfterMs: number, killSignal: NodeJS.Signals): void {
  server.kill(signal);
  if (stopping) return;
  stopping = true;
  setTimeout(() => server.kill(killSignal), killAfterMs);
}

server.once('spawn', () => process.stdout.write(`${server.pid}\n`));
server.once('error', (error) => {
  console.error(error.message);
  process.exit(127);
});
server.once('exit', (code, signal) => {
  if (signal) console.error(`ended by ${signal}`);
  process.exit(code ?? 1);
});

process.on('SIGTERM', () => stop(order.stopSignal, order.stopWithinMs, order.killSignal));
process.stdin.on('end', () => stop(order.orphanSignal, 3_000, order.killSignal));
process.stdin.on('error', () => stop(order.orphanSignal, 3_000, order.killSignal));
process.stdin.resume();
// The launcher may die before it read the pid.
process.stdout.on('error', () => {});
for (const signal of ['SIGINT', 'SIGHUP'] as const) process.on(signal, () => {});
