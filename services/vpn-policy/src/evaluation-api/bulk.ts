import type { PassThrough } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { type Problem, problemOf } from '@quell/contracts/problem';
import { type VpnEvaluateAnswer, type VpnEvaluateRequest, vpnEvaluateRequest } from '@quell/contracts/vpn-evaluate';
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
  /** Notes a decision. @returns what its answer has to wait for */
  readonly keep: (request: VpnEvaluateRequest, answer: VpnEvaluateAnswer) => Promise<void> | undefined;
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
  { trace, keep, stopping }: BulkOptions,
): Promise<void> {
  let line = 0;
  let pending = '';
  const kept: (Promise<void> | undefined)[] = [];
  const flush = async () => {
    await Promise.all(kept.splice(0));
    await writeOut(out, pending);
    pending = '';
  };
  const decide = (request: VpnEvaluateRequest): VpnEvaluateAnswer => {
    const answer = evaluate(request);
    kept.push(keep(request, answer));
    return trace ? answer : { ...answer, trace: [] };
  };
  let turnEnds = performance.now() + TURN_MS;
  for await (const texts of linesOf(body, LINE_BYTES)) {
    for (const text of texts) {
      line++;
      if (text?.trim() === '') continue;
      if (stopping()) {
        const problem = problemOf('unavailable', 'The service is stopping. Send the rest again, from this line.');
        pending += `${JSON.stringify({ line, problem })}\n`;
        return flush();
      }
      pending += `${JSON.stringify({ line, ...answerTo(text, decide) })}\n`;
      if (pending.length >= FLUSH_CHARACTERS) await flush();
      if (performance.now() > turnEnds) {
        await setImmediate();
        turnEnds = performance.now() + TURN_MS;
      }
    }
    if (pending !== '') await flush();
  }
}

function answerTo(
  text: string | undefined,
  decide: (request: VpnEvaluateRequest) => VpnEvaluateAnswer,
): { answer: VpnEvaluateAnswer } | { problem: Problem } {
  if (text === undefined) return { problem: problemOf('payload-too-large', `One line may have ${LINE_BYTES} bytes.`) };
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    return { problem: problemOf('invalid-request', `The line is not JSON: ${(error as Error).message}`) };
  }
  const request = vpnEvaluateRequest.safeParse(json);
  if (!request.success) return { problem: problemOfError(request.error).problem };
  return { answer: decide(request.data) };
}
