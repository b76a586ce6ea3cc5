import { type Problem, type ProblemExtra, type ProblemType, problemOf } from '@quell/contracts/problem';

/** Thrown at the HTTP edge to answer with a problem; the core returns refusals as values instead. */
export class ProblemError extends Error {
  override readonly name = 'ProblemError';
  readonly problem: Problem;
  readonly headers: Readonly<Record<string, string>>;

  constructor(problem: Problem, headers: Readonly<Record<string, string>> = {}) {
    super(problem.detail);
    this.problem = problem;
    this.headers = headers;
  }
}

/** Shorthand: `throw refusal('conflict', 'The task has ended.')`. */
export function refusal(
  name: ProblemType,
  detail: string,
  { headers = {}, ...extra }: ProblemExtra & { headers?: Readonly<Record<string, string>> } = {},
): ProblemError {
  return new ProblemError(problemOf(name, detail, extra), headers);
}

/** 503 with the header that tells when to come back. */
export function unavailable(detail: string, retryAfterSeconds: number): ProblemError {
  return refusal('unavailable', detail, { headers: { 'retry-after': String(retryAfterSeconds) } });
}
