import { retryingOn } from '@quell/service-kit/retrying';
import type { ClientBase, Pool } from 'pg';
import { isConflict } from './conflict.ts';

/**
 * Runs work in a transaction, again from its beginning when it met a conflict.
 *
 * @param work `met`: what the try before met
 * @throws ProblemError 503 when others were faster `tries` times in a row
 */
export function retryingConflicts<T>(
  pool: Pool,
  work: (client: ClientBase, met?: unknown) => Promise<T>,
  tries?: number,
): Promise<T> {
  return retryingOn(isConflict, pool, work, tries);
}
