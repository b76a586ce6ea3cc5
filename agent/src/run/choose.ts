import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import type { Choice } from '../journal/records.ts';
import { writeDurably } from '../settings/durable-file.ts';
import type { Finding } from './findings.ts';
import type { RunControl, RunEnvironment } from './run-environment.ts';

/** `{"<task id or *>": {"<threat id, sha256, path or *>": "resolve" | "leave"}}` */
const answers = z.record(z.string(), z.record(z.string(), z.enum(['resolve', 'leave'])));

const LOOK_EVERY_MS = 250;

/**
 * Asks the endpoint's user which of the threats to resolve. By file, the question stands in `<state>/questions/<task id>.json` and the
 * answers are awaited in the answers file; a threat without an answer in `timeoutSeconds` is left, as `no-answer`.
 */
export async function choose(
  taskId: string,
  threats: readonly Finding[],
  timeoutSeconds: number,
  environment: Pick<RunEnvironment, 'choose' | 'stateDir' | 'log'>,
  control: RunControl,
): Promise<Record<string, Choice>> {
  const policy = environment.choose;
  const all = (said: Choice) => Object.fromEntries(threats.map(({ threatId }) => [threatId, said]));
  if (threats.length === 0) return {};
  if (policy.by === 'all') return all('resolve');
  if (policy.by === 'none') return all('leave');
  const question = join(environment.stateDir, 'questions', `${taskId}.json`);
  await mkdir(join(environment.stateDir, 'questions'), { recursive: true, mode: 0o700 });
  const asked = threats.map(({ threatId, name, path, sha256 }) => ({ id: threatId, name, path, sha256 }));
  await writeDurably(question, JSON.stringify({ taskId, timeoutSeconds, threats: asked }, null, 2));
  environment.log(
    `task ${taskId}: which of ${threats.length} threats to resolve? ${question}, answers in ${policy.path}`,
  );
  // Monotonic: setting the clock must neither cut the user's time short nor stretch it.
  const deadline = performance.now() + timeoutSeconds * 1000;
  try {
    for (;;) {
      const said = await readAnswers(policy.path, taskId, threats);
      if (Object.keys(said).length === threats.length) return said;
      const left = deadline - performance.now();
      if (left <= 0) return { ...all('no-answer'), ...said };
      control.report('asking-user');
      await delay(Math.min(left, LOOK_EVERY_MS), undefined, { signal: control.signal }).catch(() => {});
      control.signal.throwIfAborted();
    }
  } finally {
    await rm(question, { force: true });
  }
}

/** The answers given so far. A file that is missing, or being written, answers nothing yet. */
async function readAnswers(path: string, taskId: string, threats: readonly Finding[]): Promise<Record<string, Choice>> {
  const text = await readFile(path, 'utf8').catch(() => '{}');
  const read = answers.safeParse(parseOrNothing(text));
  const mine = { ...(read.data?.['*'] ?? {}), ...(read.data?.[taskId] ?? {}) };
  const said: Record<string, Choice> = {};
  for (const { threatId, sha256, path: place } of threats) {
    const answer = mine[threatId] ?? mine[place ?? ''] ?? mine[sha256 ?? ''] ?? mine['*'];
    if (answer !== undefined) said[threatId] = answer;
  }
  return said;
}

function parseOrNothing(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}
