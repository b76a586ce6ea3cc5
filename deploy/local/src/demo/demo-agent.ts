import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('../../../../agent/src/main.ts', import.meta.url));

/** The reference agent in a process of its own. */
export interface AgentProcess {
  readonly pid: number;
  readonly ended: Promise<number | null>;
  /** All it printed so far. */
  output(): string;
  /** Ends it: in order by default, at once with SIGKILL. */
  stop(signal?: NodeJS.Signals): Promise<void>;
}

/** @param args as on the command line: `['--url', …]` */
export function startAgent(args: readonly string[]): AgentProcess {
  const child: ChildProcess = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      output += chunk;
    });
  }
  const ended = new Promise<number | null>((resolve) => child.once('close', (code) => resolve(code)));
  return {
    pid: child.pid ?? 0,
    ended,
    output: () => output,
    async stop(signal = 'SIGTERM') {
      child.kill(signal);
      await ended;
    },
  };
}
