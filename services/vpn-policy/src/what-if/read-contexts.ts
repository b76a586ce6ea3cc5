import { linesOf } from '@quell/service-kit/lines';
import { refusal, unavailable } from '@quell/service-kit/problem-error';
import type { Pool } from 'pg';
import { v7 as uuidv7 } from 'uuid';
import type { ContextLine } from '../simulate/simulate.ts';
import { dropPartsBefore, savePart } from './parts.ts';

const LINE_BYTES = 256 * 1024;

/** So many lines are tried while the caller waits. */
export const LINES_AT_ONCE = 2000;
const MOST_LINES = 10_000_000;
const PART_LINES = 1000;
const PART_CHARACTERS = 512 * 1024;

/** What was uploaded, read to its end: few lines are held, more are kept under the id of the job that they will be. */
export type Contexts =
  | { readonly lines: readonly ContextLine[] }
  | { readonly jobId: string; readonly parts: number; readonly total: number };

/** @throws ProblemError 413 for too many lines, 503 when the service stops; what was kept is deleted then */
export async function readContexts(
  pool: Pool,
  body: AsyncIterable<Buffer>,
  stopping: () => boolean,
): Promise<Contexts> {
  let held: (string | undefined)[] = [];
  let characters = 0;
  let firstLine = 1;
  let total = 0;
  let parts = 0;
  let jobId: string | undefined;
  const save = async () => {
    jobId ??= uuidv7();
    for (let from = 0; from < held.length; from += PART_LINES) {
      const texts = held.slice(from, from + PART_LINES);
      await savePart(pool, jobId, parts++, { firstLine: firstLine + from, texts });
    }
    firstLine += held.length;
    held = [];
    characters = 0;
  };
  try {
    for await (const texts of linesOf(body, LINE_BYTES)) {
      for (const text of texts) {
        held.push(text);
        characters += text?.length ?? 0;
        if (text?.trim() !== '') total++;
      }
      if (stopping()) throw unavailable('The service is stopping. Send it again.', 2);
      if (total > MOST_LINES)
        throw refusal('payload-too-large', `At most ${MOST_LINES} contexts can be tried at once.`);
      const isMany = jobId !== undefined || held.length > LINES_AT_ONCE || characters > 4 * PART_CHARACTERS;
      if (isMany && (held.length >= PART_LINES || characters >= PART_CHARACTERS)) await save();
    }
    if (jobId === undefined) return { lines: held.map((text, index) => ({ line: index + 1, text })) };
    if (held.length > 0) await save();
    return { jobId, parts, total };
  } catch (error) {
    // What cannot be deleted now goes after a day.
    if (jobId !== undefined) await dropPartsBefore(pool, jobId, parts).catch(() => undefined);
    throw error;
  }
}
