import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

/** A process of this machine. */
export interface FoundProcess {
  readonly pid: number;
  readonly commandLine: string;
}

/** The live processes, other than this one, with `text` in their command line, such as a data directory of a test. */
export async function processesMentioning(text: string): Promise<FoundProcess[]> {
  const all = await fromProc().catch(fromPs);
  return all.filter(({ pid, commandLine }) => pid !== process.pid && commandLine.includes(text));
}

/** Whether a process runs. One that has ended but was not waited for does not. */
export async function isRunning(pid: number): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return !/\) Z /.test(stat);
}

async function fromProc(): Promise<FoundProcess[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    pids.map(async (pid) => {
      // It may end while we read.
      const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
      return { pid: Number(pid), commandLine: commandLine.replaceAll('\0', ' ').trim() };
    }),
  );
  return found.filter(({ commandLine }) => commandLine !== '');
}

async function fromPs(): Promise<FoundProcess[]> {
  const { stdout } = await promisify(execFile)('ps', ['-Aww', '-o', 'pid=,args='], { maxBuffer: 10_000_000 });
  return stdout.split('\n').flatMap((line) => {
    const [, pid, commandLine] = /^\s*(\d+)\s+(.*)$/.exec(line) ?? [];
    return pid && commandLine ? [{ pid: Number(pid), commandLine }] : [];
  });
}
