import type { z } from 'zod';
import { device } from './device.ts';

/**
 * The value of a record on `devices.v1` (compacted, key = device id): the whole device after a change; no value: it was retired.
 * Consumers keep the record with the greatest version. `lastSeenAt` travels on `agents.v1`.
 */
export const deviceRecord = device.omit({ lastSeenAt: true, retiredAt: true });
export type DeviceRecord = z.infer<typeof deviceRecord>;
