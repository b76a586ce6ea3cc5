import { readFileSync } from 'node:fs';
import { isAlive } from './is-alive.ts';

/**
 * Calls `gone` within a second after the npm that started this process has ended: one that was killed can pass no signal on. Does
 * nothing when not started by npm, so that a launcher started in the background outlives its shell.
 */
export function whenNpmIsGone(gone: () => void): void {
  if (!process.env.npm_lifecycle_event) return;
  const parent = process.ppid;
  const npm = npmPid(parent);
  const watch = setInterval(() => {
    if (process.ppid === parent && isAlive(npm)) return;
    clearInterval(watch);
    gone();
  }, 1_000);
  watch.unref();
}

/** npm runs a script through a shell, which on some systems stays between; only Linux tells us. */
function npmPid(parent: number): number {
  try {
    const [, name, grandparent] = /^\d+ \((.*)\) \S (\d+) /.exec(readFileSync(`/proc/${parent}/stat`, 'utf8')) ?? [];
    return /^(ba|da|z|k)?sh$/.test(name ?? '') ? Number(grandparent) : parent;
  } catch {
    return parent;
  }
}
