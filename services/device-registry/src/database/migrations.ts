import { EventStore0000000000001 } from './migrations/0001-event-store.ts';
import { Devices0000000000002 } from './migrations/0002-devices.ts';
import { IdempotencyKeys0000000000003 } from './migrations/0003-idempotency-keys.ts';
import { DeviceJobs0000000000004 } from './migrations/0004-device-jobs.ts';
import { Agents0000000000006 } from './migrations/0006-agents.ts';
import { BulkRequests0000000000007 } from './migrations/0007-bulk-requests.ts';

/** In order; a published migration is never edited. */
export const migrations = [
  EventStore0000000000001,
  Devices0000000000002,
  IdempotencyKeys0000000000003,
  DeviceJobs0000000000004,
  Agents0000000000006,
  BulkRequests0000000000007,
];
