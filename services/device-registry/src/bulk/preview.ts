import type { DeviceBulkPreview } from '@quell/contracts/device-bulk';
import type { DeviceQuery } from '@quell/contracts/device-query';
import type { Pool } from 'pg';
import { eachDevice } from '../device-store/each-device.ts';
import { deviceOf } from '../device-store/row.ts';
import type { DecideAction } from './decide-action.ts';

/** Of what would change, and of what cannot be done. */
const EXAMPLES = 10;

/** What an action would do to the devices that a query means now. */
export async function previewAction(
  pool: Pool,
  query: DeviceQuery,
  verdictOf: DecideAction,
  signal: AbortSignal,
): Promise<DeviceBulkPreview> {
  const preview: DeviceBulkPreview = { count: 0, unchanged: 0, failing: 0, failures: [], examples: [] };
  for await (const rows of eachDevice(pool, query, signal)) {
    preview.count += rows.length;
    for (const row of rows) {
      const verdict = verdictOf(deviceOf(row));
      if (verdict.kind === 'unchanged') preview.unchanged++;
      else if (verdict.kind === 'failed') {
        if (preview.failing++ < EXAMPLES) preview.failures.push({ id: row.id, detail: verdict.detail });
      } else if (preview.examples.length < EXAMPLES) preview.examples.push(verdict.example);
    }
  }
  return preview;
}

/** How many devices a query means now. */
export async function countDevices(pool: Pool, query: DeviceQuery, signal: AbortSignal): Promise<number> {
  let count = 0;
  for await (const rows of eachDevice(pool, query, signal)) count += rows.length;
  return count;
}
