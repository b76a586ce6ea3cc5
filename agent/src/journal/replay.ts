import { assertNever } from '@quell/contracts/vocabulary';
import type { JournalledRun, JournalRecord } from './records.ts';

/** Everything the journal says, by run key in the order of acceptance. */
export type JournalState = ReadonlyMap<string, JournalledRun>;

export const EMPTY: JournalState = new Map();

/** The state after one more record. A record about an unknown run, or one that comes twice or too late, changes nothing. */
export function evolve(state: JournalState, record: JournalRecord): JournalState {
  if (record.type === 'accepted') {
    return state.has(record.entry.key) ? state : new Map(state).set(record.entry.key, record.entry);
  }
  const entry = state.get(record.key);
  if (entry === undefined) return state;
  const next = evolveRun(entry, record);
  return next === entry ? state : new Map(state).set(entry.key, next);
}

function evolveRun(entry: JournalledRun, record: Exclude<JournalRecord, { type: 'accepted' }>): JournalledRun {
  switch (record.type) {
    case 'attempt-raised':
      if (record.attempt <= (entry.attempt ?? 0)) return entry;
      return {
        ...{ ...entry, run: record.run, attempt: record.attempt, isAbandoned: false },
        ...(record.knownItems === undefined ? {} : { knownItems: record.knownItems }),
      };
    case 'item-planned':
      if (entry.result !== undefined || entry.items.some(({ plan }) => plan.backupId === record.plan.backupId)) {
        return entry;
      }
      return { ...entry, items: [...entry.items, { plan: record.plan }] };
    case 'item-ended':
      return {
        ...entry,
        items: entry.items.map((item) =>
          item.plan.backupId === record.backupId && item.end === undefined ? { ...item, end: record.end } : item,
        ),
      };
    case 'chosen':
      // The first answer to a question stands: a resumed run must not ask twice.
      return { ...entry, choices: { ...record.choices, ...entry.choices } };
    case 'cancel-asked':
      return { ...entry, isCancelAsked: true };
    case 'result':
      return entry.result === undefined ? { ...entry, result: record.result } : entry;
    case 'answered':
      return { ...entry, answered: { attempt: record.attempt, code: record.code } };
    case 'abandoned':
      return { ...entry, isAbandoned: true };
    default:
      return assertNever(record);
  }
}

/** The run has no end yet: it is executed, or resumed at the agent's start. */
export function isUnfinished(entry: JournalledRun): boolean {
  return entry.result === undefined && !entry.isAbandoned;
}

/** The result was not answered for the latest attempt: it is sent (again). */
export function isResultPending(entry: JournalledRun): boolean {
  return (
    entry.result !== undefined &&
    !entry.isAbandoned &&
    entry.attempt !== undefined &&
    entry.answered?.attempt !== entry.attempt
  );
}

/** A restore begun on the endpoint that the server does not know yet. */
export function isUnknownToServer(entry: JournalledRun): boolean {
  return entry.requestId !== undefined && entry.attempt === undefined && !entry.isAbandoned;
}

/** Finds the run a server message is about. */
export function findRun(state: JournalState, taskId: string, run: number): JournalledRun | undefined {
  return [...state.values()].find((entry) => entry.work.taskId === taskId && entry.run === run);
}

/** What the journal keeps when it is rewritten: every run with something left to do, and the latest `keepEnded` of the others. */
export function compacted(state: JournalState, keepEnded: number): JournalState {
  const entries = [...state.values()];
  const open = (entry: JournalledRun) => isUnfinished(entry) || isResultPending(entry) || isUnknownToServer(entry);
  const ended = entries.filter((entry) => !open(entry));
  const kept = new Set(ended.slice(Math.max(0, ended.length - keepEnded)));
  return new Map(entries.filter((entry) => open(entry) || kept.has(entry)).map((entry) => [entry.key, entry]));
}
