import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { isInside, type Root } from '../confined/roots.ts';
import { manifest } from '../quarantine/vault.ts';

/**
 * Where agents keep their state unless told otherwise: the system's place for a service run by root, else the user's. Never beside or
 * inside a scanned root, whose neighbours are none of the agent's business.
 */
export function stateBase(env: NodeJS.ProcessEnv = process.env): string {
  if (env.QUELL_AGENT_STATE_BASE) return resolve(env.QUELL_AGENT_STATE_BASE);
  if (process.platform === 'win32') return join(env.LOCALAPPDATA ?? join(homedir(), 'AppData', 'Local'), 'quell-agent');
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Application Support', 'quell-agent');
  if (process.getuid?.() === 0) return '/var/lib/quell-agent';
  return join(env.XDG_STATE_HOME ?? join(homedir(), '.local', 'state'), 'quell-agent');
}

/** The state folder of the agent whose first root this is: agents with other roots on one machine are other agents. */
export function defaultStateDir(roots: readonly Root[], env?: NodeJS.ProcessEnv): string {
  return join(
    stateBase(env),
    createHash('sha256')
      .update(roots[0]?.real ?? '')
      .digest('hex')
      .slice(0, 16),
  );
}

/**
 * Makes the state folder; nobody but its owner gets in (mode 0700).
 *
 * @throws when it lies inside a root or holds one: the agent would scan, and could quarantine, its own memory
 */
export function prepareStateDir(path: string, roots: readonly Root[]): string {
  const asGiven = resolve(path);
  refuseOverlap(asGiven, roots);
  mkdirSync(asGiven, { recursive: true, mode: 0o700 });
  const real = realpathSync(asGiven);
  refuseOverlap(real, roots);
  chmodSync(real, 0o700);
  return real;
}

function refuseOverlap(stateDir: string, roots: readonly Root[]): void {
  for (const { real, given } of roots) {
    if (isInside(real, stateDir) || isInside(stateDir, real) || isInside(given, stateDir)) {
      throw new Error(
        `the state folder ${stateDir} and the root ${given} lie inside one another; name another one with --state`,
      );
    }
  }
}

/** State folders under the default base that hold backups of a task. */
export function stateDirsWithBackupsOf(taskId: string, env?: NodeJS.ProcessEnv): string[] {
  const base = stateBase(env);
  return list(base)
    .map((name) => join(base, name))
    .filter((dir) =>
      list(join(dir, 'quarantine')).some((file) => {
        return file.endsWith('.json') && isOfTask(join(dir, 'quarantine', file), taskId);
      }),
    );
}

function isOfTask(path: string, taskId: string): boolean {
  try {
    return manifest.parse(JSON.parse(readFileSync(path, 'utf8'))).taskId === taskId;
  } catch {
    return false;
  }
}

function list(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
