import { EventStore0000000000001 } from './migrations/0001-event-store.ts';
import { Posture0000000000020 } from './migrations/0020-posture.ts';

/** In order; a published migration is never edited. Read models go through `pg` and plain SQL. */
export const migrations = [EventStore0000000000001, Posture0000000000020];
