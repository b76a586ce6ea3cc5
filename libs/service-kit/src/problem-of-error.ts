import { type Problem, type ProblemType, placesOf, problemOf, problemTypes } from '@quell/contracts/problem';
import { isTransient } from '@quell/event-store/transient';
import { ZodError } from 'zod';
import { ProblemError } from './problem-error.ts';

export interface ErrorAnswer {
  readonly problem: Problem;
  readonly headers: Readonly<Record<string, string>>;
  /** True for a fault of ours: log it with its stack; the caller is told nothing of it. */
  readonly unexpected: boolean;
}

// Where several types share a status, the general one.
const typeByStatus = new Map<number, ProblemType>([
  [400, 'invalid-request'],
  [401, 'unauthenticated'],
  [403, 'forbidden'],
  [404, 'not-found'],
  [405, 'method-not-allowed'],
  [409, 'conflict'],
  [410, 'gone'],
  [412, 'precondition-failed'],
  [413, 'payload-too-large'],
  [415, 'unsupported-media-type'],
  [422, 'unprocessable'],
  [429, 'too-many-requests'],
  [503, 'unavailable'],
]);

function statusOf(error: object): number | undefined {
  // Nest's HttpException has getStatus(); Fastify's errors and its plugins' have statusCode.
  if ('getStatus' in error && typeof error.getStatus === 'function') return error.getStatus() as number;
  if ('statusCode' in error && typeof error.statusCode === 'number') return error.statusCode;
  return undefined;
}

/** What to answer for anything thrown while a request was handled (RFC 9457). Unknown errors become a bare 500. */
export function problemOfError(error: unknown): ErrorAnswer {
  if (error instanceof ProblemError) return { problem: error.problem, headers: error.headers, unexpected: false };
  if (error instanceof ZodError) {
    const errors = placesOf(error.issues);
    return { problem: problemOf('invalid-request', summaryOf(errors), { errors }), headers: {}, unexpected: false };
  }
  if (isTransient(error)) {
    const problem = problemOf(
      'unavailable',
      'A server that this service needs cannot be reached or is too busy. Try again.',
    );
    return { problem, headers: { 'retry-after': '2' }, unexpected: true };
  }
  const status = typeof error === 'object' && error !== null ? statusOf(error) : undefined;
  if (status === undefined || status < 400 || status > 599 || (status >= 500 && status !== 503)) {
    const problem = problemOf('internal', 'Something failed on our side. The log has it under this instance.');
    return { problem, headers: {}, unexpected: true };
  }
  const message = (error as Error).message;
  const headers: Record<string, string> = status === 503 ? { 'retry-after': '2' } : {};
  const name = typeByStatus.get(status);
  if (name !== undefined) return { problem: { ...problemOf(name, message) }, headers, unexpected: false };
  return {
    problem: { ...problemOf('invalid-request', message), type: 'about:blank', title: message, status },
    headers,
    unexpected: false,
  };
}

/** `detail` of a problem that lists several errors: the first one, and how many more. */
export function summaryOf(errors: readonly { pointer: string; detail: string }[]): string {
  const first = errors[0];
  if (first === undefined) return problemTypes['invalid-request'].title;
  const place = first.pointer === '' ? '' : `${first.pointer}: `;
  return `${place}${first.detail}${errors.length > 1 ? ` (and ${errors.length - 1} more)` : ''}`;
}
