import { z } from 'zod';
import { filePlace } from './file-place.ts';

/** RFC 9457 problem details. `errors` names every offending place by JSON Pointer (RFC 6901). */
export const problem = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int().min(400).max(599),
  detail: z.string(),
  instance: z.string().optional(),
  errors: z.array(z.object({ pointer: z.string(), detail: z.string() })).optional(),
  reason: z.string().optional().describe('Of a file that is not read: why, as one word.'),
  at: filePlace.optional().describe('Of a file that is not read: where in it. Absent: the file as a whole.'),
});
export type Problem = z.infer<typeof problem>;

/** Every problem type Quell answers with: its `type` is `urn:quell:problem:<name>`. */
export const problemTypes = {
  'invalid-request': { status: 400, title: 'The request does not fit its schema' },
  unauthenticated: { status: 401, title: 'No valid credential' },
  forbidden: { status: 403, title: 'The credential lacks a scope' },
  'not-found': { status: 404, title: 'There is no such thing' },
  'method-not-allowed': { status: 405, title: 'The path does not take this method' },
  conflict: { status: 409, title: 'The state refuses this' },
  'identity-conflict': { status: 409, title: 'Two live agents claim one identity' },
  'stale-attempt': { status: 409, title: 'A newer attempt took over' },
  'nothing-to-restore': { status: 409, title: 'None of this is known to be backed up' },
  gone: { status: 410, title: 'It is over' },
  'precondition-failed': { status: 412, title: 'The version is not the one you named' },
  'payload-too-large': { status: 413, title: 'The body is larger than allowed' },
  'unsupported-media-type': { status: 415, title: 'The body has a type this path does not read' },
  unprocessable: { status: 422, title: 'The content does not fit the contract' },
  'too-many-requests': { status: 429, title: 'Too many requests' },
  internal: { status: 500, title: 'A fault on our side' },
  unavailable: { status: 503, title: 'Not available now' },
} as const satisfies Record<string, { status: number; title: string }>;
export type ProblemType = keyof typeof problemTypes;

/** What a problem says beside its detail. */
export type ProblemExtra = Pick<Problem, 'instance' | 'errors' | 'reason' | 'at'>;

/** Builds a problem body. `detail` says what is wrong this time and, where there is one, the cure. */
export function problemOf(name: ProblemType, detail: string, extra: ProblemExtra = {}): Problem {
  const { status, title } = problemTypes[name];
  return { type: `urn:quell:problem:${name}`, title, status, detail, ...extra };
}

/** The JSON Pointer (RFC 6901) of a path of member names and indexes; '' is the whole document. */
export function jsonPointer(path: readonly PropertyKey[]): string {
  return path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

type Issue = {
  readonly code?: string;
  readonly path: readonly PropertyKey[];
  readonly message: string;
  readonly keys?: readonly string[];
};

/** What a schema refuses, each place as a pointer; of keys that it does not have, to each of them. */
export function placesOf(issues: readonly Issue[]): { pointer: string; detail: string }[] {
  return issues.flatMap(({ code, path, message, keys = [] }) =>
    code === 'unrecognized_keys'
      ? keys.map((key) => ({ pointer: jsonPointer([...path, key]), detail: `there is no ${JSON.stringify(key)} here` }))
      : [{ pointer: jsonPointer(path), detail: message }],
  );
}
