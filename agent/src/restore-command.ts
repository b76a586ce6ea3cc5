import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { knownServer } from './identity/enrolment.ts';
import { restoreWithoutAgent } from './service/agent.ts';
import { askRunningAgent } from './service/control-socket.ts';
import type { RestoreAnswer } from './service/endpoint-restore.ts';
import { readRoots, readUrl, UsageError } from './settings/command-line.ts';
import { defaultStateDir, stateBase, stateDirsWithBackupsOf } from './settings/state-dir.ts';

export interface RestoreOptions {
  readonly task: string;
  readonly item?: readonly string[];
  readonly state?: string;
  readonly root?: readonly string[];
  readonly url?: string;
}

/** Puts back what a task's mitigation took away, from the endpoint itself. Returns the exit code. Throws UsageError. */
export async function restoreCommand(options: RestoreOptions, log: (line: string) => void): Promise<number> {
  if (!z.uuid().safeParse(options.task).success) throw new UsageError(`--task: ${options.task} is not a task id`);
  const stateDir = findStateDir(options);
  const request = { op: 'restore' as const, taskId: options.task, items: [...(options.item ?? [])] };
  const answer =
    ((await askRunningAgent(stateDir, request)) as RestoreAnswer | undefined) ?? (await alone(options, stateDir, log));
  if (!answer.ok) {
    log(`not restored: ${answer.detail}`);
    return 1;
  }
  for (const { id, restored, reason, detail } of answer.result.items ?? []) {
    log(restored ? `restored ${id}` : `not restored ${id}: ${[reason, detail].filter(Boolean).join(', ')}`);
  }
  if (answer.server === 'unreachable')
    log('the server could not be reached; it is told when the agent next makes contact');
  if (answer.server === 'ignorant') log('the server knows nothing of these backups');
  if (answer.waiting > 0) log(`${answer.waiting} more are backed up: run it again`);
  return answer.result.outcome === 'rolled-back' ? 0 : 1;
}

async function alone(options: RestoreOptions, stateDir: string, log: (line: string) => void): Promise<RestoreAnswer> {
  const url = options.url ?? (await knownServer(stateDir));
  if (url === undefined) throw new UsageError(`${stateDir} knows no server yet; name it with --url`);
  const roots = readRoots(options.root !== undefined ? options.root : rootsKept(stateDir));
  const settings = { roots, stateDir, hashFiles: [], patternFiles: [], choose: { by: 'none' as const }, log };
  return restoreWithoutAgent({ ...settings, url: readUrl(url) }, options.task, options.item ?? []);
}

function findStateDir({ state, root, task }: RestoreOptions): string {
  const named = state ?? (root !== undefined ? defaultStateDir(readRoots(root)) : undefined);
  if (named !== undefined) {
    if (!existsSync(named)) throw new UsageError(`there is no state folder ${named}`);
    return realpathSync(named);
  }
  const [found, ...others] = stateDirsWithBackupsOf(task);
  if (found === undefined) {
    throw new UsageError(
      `no state folder under ${stateBase()} has backups of task ${task}; name the agent's with --state`,
    );
  }
  if (others.length > 0) throw new UsageError(`several agents have backups of task ${task}; name one with --state`);
  return realpathSync(found);
}

/** The roots of the agent that last ran on a state folder. */
function rootsKept(stateDir: string): string[] {
  try {
    return z.array(z.string()).parse(JSON.parse(readFileSync(join(stateDir, 'roots.json'), 'utf8')));
  } catch {
    throw new UsageError(`${stateDir} does not say which roots its agent had; name them with --root`);
  }
}
