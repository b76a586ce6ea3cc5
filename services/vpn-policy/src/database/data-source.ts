import { EventStore0000000000001 } from './migrations/0001-event-store.ts';

/** In order; a published migration is never edited. Read models go through `pg` and plain SQL. */
export const migrations = [EventStore0000000000001];
