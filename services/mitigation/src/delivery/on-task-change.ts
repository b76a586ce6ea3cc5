/** Injection token of {@link OnTaskChange}. */
export const ON_TASK_CHANGE = Symbol('on task change');

/** Called after COMMIT: the feed grew, and these endpoints may have work. Hints only. */
export type OnTaskChange = (endpointIds: readonly string[]) => void;
