import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/** CPU that a contender used, in microseconds. */
export interface CpuUse {
  /** Of the Node process that does the work. Absent where it is another process and there is no /proc. */
  readonly node?: number;
  /** Of all processes of the Postgres server. Absent without /proc, or when the server is not on this machine. */
  readonly postgres?: number;
}

/** Whose CPU to count. */
export interface CpuSubject {
  /** Default: this process. */
  readonly nodePid?: number;
  /** The postmaster. */
  readonly postgresPid?: number | undefined;
}

/** Starts counting; the answer tells what was used since. Processes that ended in between are counted with their parent. */
export function countCpu({ nodePid, postgresPid }: CpuSubject): () => CpuUse {
  const read = (): CpuUse => {
    const node = nodePid === undefined ? ownCpu() : processCpu(nodePid)?.own;
    const postgres = postgresPid === undefined ? undefined : treeCpu(postgresPid);
    return { ...(node === undefined ? {} : { node }), ...(postgres === undefined ? {} : { postgres }) };
  };
  const before = read();
  return () => {
    const after = read();
    return {
      ...(after.node === undefined || before.node === undefined ? {} : { node: after.node - before.node }),
      ...(after.postgres === undefined || before.postgres === undefined
        ? {}
        : { postgres: after.postgres - before.postgres }),
    };
  };
}

function ownCpu(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

let tickMicroseconds: number | undefined;

/** `own`: the process itself; `ended`: its children that are gone. Undefined where there is no /proc or no such process. */
function processCpu(pid: number): { own: number; ended: number; parent: number } | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return undefined;
  }
  tickMicroseconds ??= 1e6 / Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));
  // The name in parentheses may hold spaces: proc(5) counts from behind it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = (field: number) => Number(fields[field - 3]) * (tickMicroseconds ?? Number.NaN);
  return { own: ticks(14) + ticks(15), ended: ticks(16) + ticks(17), parent: Number(fields[1]) };
}

function treeCpu(pid: number): number | undefined {
  const root = processCpu(pid);
  if (root === undefined) return undefined;
  let sum = root.own + root.ended;
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const child = processCpu(Number(name));
    if (child?.parent === pid) sum += child.own;
  }
  return sum;
}

/** The postmaster of a backend on this machine; undefined when that process is none of Postgres here (another host, a container). */
export function postmasterOf(backendPid: number): number | undefined {
  try {
    if (!readFileSync(`/proc/${backendPid}/cmdline`, 'utf8').includes('postgres')) return undefined;
  } catch {
    return undefined;
  }
  return processCpu(backendPid)?.parent;
}
