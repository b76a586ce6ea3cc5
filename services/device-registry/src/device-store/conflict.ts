import { sqlStateOf } from '@quell/event-store/transient';

/** Somebody else changed a device first, or the cause was taken before: roll back, read again, decide again. */
export class DeviceConflict extends Error {
  override readonly name = 'DeviceConflict';
  /** Ids of events that are stored already. */
  readonly duplicates: readonly string[];

  constructor(message: string, duplicates: readonly string[]) {
    super(message);
    this.duplicates = duplicates;
  }
}

/** A conflict of a stream's version, or a deadlock between writers: the same work may succeed at once. */
export function isConflict(error: unknown): boolean {
  return error instanceof DeviceConflict || sqlStateOf(error) === '40P01';
}
