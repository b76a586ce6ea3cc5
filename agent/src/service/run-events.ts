import type { RunResult } from '@quell/contracts/run-result';
import { v4 as uuidv4, v5 as uuidv5 } from 'uuid';
import type { JournalledRun } from '../journal/records.ts';
import type { Outgoing } from './outbox.ts';

type Said =
  | { readonly type: 'accepted' | 'started' }
  | { readonly type: 'progress'; readonly phase: string; readonly percent?: number }
  | { readonly type: 'result'; readonly result: RunResult };

/**
 * An event about a run's latest attempt. The id of an acceptance, a start or a result is made from run, attempt and type, so that
 * sending it again after a restart is known as a duplicate, while a higher attempt is something new.
 *
 * @param at RFC 3339
 */
export function runEvent(entry: JournalledRun & { run: number; attempt: number }, at: string, said: Said): Outgoing {
  const { run, attempt, key, work } = entry;
  const eventId = said.type === 'progress' ? uuidv4() : uuidv5(`${run}/${attempt}/${said.type}`, work.taskId);
  const head = { key, taskId: work.taskId, attempt };
  switch (said.type) {
    case 'accepted':
    case 'started':
      return { ...head, event: { eventId, type: said.type, at } };
    case 'progress': {
      const { phase, percent } = said;
      return {
        ...head,
        event: { eventId, type: 'progress', at, data: { phase, ...(percent === undefined ? {} : { percent }) } },
      };
    }
    case 'result':
      return { ...head, event: { eventId, type: 'result', at, data: knownOf(said.result, entry.knownItems) } };
  }
}

/** The server takes no answer for an item that it does not know. */
function knownOf(result: RunResult, knownItems?: readonly string[]): RunResult {
  if (knownItems === undefined || result.items === undefined) return result;
  const known = new Set(knownItems);
  const items = result.items.filter(({ id }) => known.has(id));
  const isBack = result.outcome === 'rollback-failed' && items.every(({ restored }) => restored);
  return { ...result, items, ...(isBack ? { outcome: 'rolled-back' } : {}) };
}
