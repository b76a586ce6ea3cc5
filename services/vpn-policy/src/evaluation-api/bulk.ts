import type { PassThrough } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { type Problem, problemOf } from '@quell/contracts/problem';
import { vpnEvaluateRequest } from '@quell/contracts/vpn-evaluate';
import { linesOf, writeOut } from '@quell/service-kit/lines';
import { problemOfError } from '@quell/service-kit/problem-of-error';
import { evaluate } from '../evaluation/evaluate.ts';

/** Longest line, as a body of `POST /v1/vpn/evaluate`. */
export const LINE_BYTES = 1024 * 1024;

const FLUSH_CHARACTERS = 64 * 1024;

/** How long lines are worked on before other requests get their turn, in milliseconds. */
const TURN_MS = 10;

export interface BulkOptions {
  readonly trace: boolean;
  /** Asked before each part; true ends the answer with a problem in place of the next line. */
  readonly stopping: () => boolean;
}

/**
 * Decides each line of a body and writes one line for it, in order: `{line, answer}` or `{line, problem}`. Blank lines have no answer.
 * Nothing is read on while the caller does not read what is written.
 *
 * @throws whatever reading the body or writing the answer fails with
 */
export async function answerLines(
  body: AsyncIterable<Buffer>,
  out: PassThrough,
  { trace, stopping }: BulkOptions,
): Promise<void> {
  let line = 0;
  let turnEnds = performance.now() + TURN_MS;
  for await (const texts of linesOf(body, LINE_BYTES)) {
    let pending = '';
    for (const text of texts) {
      line++;
      if (text?.trim() === '') continue;
      if (stopping()) {
        const problem = problemOf('unavailable', 'The service is stopping. Send the rest again, from this line.');
        await writeOut(out, `${pending}${JSON.stringify({ line, problem })}\n`);
        return;
      }
      pending += `${JSON.stringify({ line, ...answerTo(text, trace) })}\n`;
      if (pending.length >= FLUSH_CHARACTERS) {
        await writeOut(out, pending);
        pending = '';
      }
      if (performance.now() > turnEnds) {
        await setImmediate();
        turnEnds = performance.now() + TURN_MS;
      }
    }
    if (pending !== '') await writeOut(out, pending);
  }
}

function answerTo(text: string | undefined, trace: boolean): { answer: object } | { problem: Problem } {
  if (text === undefined) return { problem: problemOf('payload-too-large', `One line may have ${LINE_BYTES} bytes.`) };
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    return { problem: problemOf('invalid-request', `The line is not JSON: ${(error as Error).message}`) };
  }
  const request = vpnEvaluateRequest.safeParse(json);
  if (!request.success) return { problem: problemOfError(request.error).problem };
  const answer = evaluate(request.data);
  return { answer: trace ? answer : { ...answer, trace: [] } };
}
