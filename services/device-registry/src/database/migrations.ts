import { EventStore0000000000001 } from './migrations/0001-event-store.ts';
import { Devices0000000000002 } from './migrations/0002-devices.ts';

/** In order; a published migration is never edited. */
export const migrations = [EventStore0000000000001, Devices0000000000002];
