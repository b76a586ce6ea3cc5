import type { DeviceRecord } from '@quell/contracts/device-record';
import { decodeCursor, encodeCursor } from '@quell/service-kit/cursor';
import type { Pool } from 'pg';
import { z } from 'zod';
import { readDevicesAfter } from '../devices/known-devices.ts';
import { type By, policiesFor } from '../policy/choose.ts';
import type { ActivePolicy } from '../policy-store/active-policies.ts';

const CHUNK = 1000;

/** So many devices are looked at for one page; one that holds fewer items than asked for may have a next page all the same. */
const MOST_LOOKED_AT = 20_000;

const position = z.tuple([z.string().max(128)]);

/** The devices that a policy decides for, by id: those for which no other policy comes first. */
export async function devicesOf(
  pool: Pool,
  policyId: string,
  active: readonly ActivePolicy[],
  { limit, cursor }: { readonly limit: number; readonly cursor?: string | undefined },
): Promise<{ items: (DeviceRecord & { by: By })[]; nextCursor?: string }> {
  let [after] = cursor === undefined ? [''] : decodeCursor(cursor, position);
  const policy = active.find((one) => one.policyId === policyId);
  if (policy === undefined) return { items: [] };
  const groups = policy.everyone || policy.queries.length > 0 ? undefined : [...policy.groups];
  const items: (DeviceRecord & { by: By })[] = [];
  for (let looked = 0; looked < MOST_LOOKED_AT; looked += CHUNK) {
    const devices = await readDevicesAfter(pool, after, CHUNK, groups);
    for (const device of devices) {
      if (items.length === limit) return { items, nextCursor: encodeCursor([after]) };
      after = device.id;
      const [first] = policiesFor(device, active);
      if (first?.assignment === policy) items.push({ ...device, by: first.by });
    }
    if (devices.length < CHUNK) return { items };
  }
  return { items, nextCursor: encodeCursor([after]) };
}
