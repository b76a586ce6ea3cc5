/** Somebody else changed a task first: roll back, read again, decide again. */
export class TaskConflict extends Error {
  override readonly name = 'TaskConflict';
}

/** A conflict of a stream's version, or of a unique row beside it: the hold of a threat, the one changing run of an endpoint. */
export function isConflict(error: unknown): boolean {
  return error instanceof TaskConflict || (error as { code?: unknown } | null)?.code === '23505';
}
