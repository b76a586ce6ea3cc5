/** Somebody else changed a task first: roll back, read again, decide again. */
export class TaskConflict extends Error {
  override readonly name = 'TaskConflict';
}

/** A conflict of a stream's version, or of a unique row beside it: the hold of a threat, the one changing run of an endpoint. */
export function isConflict(error: unknown): boolean {
  return error instanceof TaskConflict || codeOf(error) === '23505';
}

/** Two transactions waited for each other and one had to go: at once again. */
export function isDeadlock(error: unknown): boolean {
  return codeOf(error) === '40P01';
}

function codeOf(error: unknown): unknown {
  return (error as { code?: unknown } | null)?.code;
}
