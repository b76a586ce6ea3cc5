import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url));

/** A real agent process; what it prints is kept for the message of a failed test. */
export class AgentProcess {
  readonly child: ChildProcess;
  private readonly exited: Promise<unknown>;
  output = '';

  private constructor(args: readonly string[], env: NodeJS.ProcessEnv) {
    this.child = spawn(process.execPath, [MAIN, ...args], { env: { ...process.env, NODE_OPTIONS: '', ...env } });
    this.exited = once(this.child, 'close');
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        this.output += chunk.toString('utf8');
      });
    }
  }

  static start(args: readonly string[], env: NodeJS.ProcessEnv = {}): AgentProcess {
    return new AgentProcess(args, env);
  }

  /** Runs a command to its end. */
  static async run(
    args: readonly string[],
    env: NodeJS.ProcessEnv = {},
  ): Promise<{ code: number | null; output: string }> {
    const agent = AgentProcess.start(args, env);
    await agent.exited;
    return { code: agent.child.exitCode, output: agent.output };
  }

  /** Sends a signal and waits for the end; harmless when it ended already. Returns the exit code. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    this.child.kill(signal);
    await this.exited;
    return this.child.exitCode;
  }
}
