import type { DeviceRecord } from '@quell/contracts/device-record';
import type { ClientBase } from 'pg';

type Queryable = Pick<ClientBase, 'query'>;

/** A change of one device: the whole of it, or that it is gone. */
export type DeviceChange =
  | { readonly id: string; readonly record: DeviceRecord }
  | { readonly id: string; readonly record: undefined };

/** Keeps each device as its last record has it. The changes come in the order of their partition; an older version changes nothing. */
export async function takeDeviceChanges(client: ClientBase, changes: readonly DeviceChange[]): Promise<void> {
  const gone = new Set<string>();
  const latest = new Map<string, DeviceRecord>();
  for (const { id, record } of changes) {
    if (record === undefined) {
      latest.delete(id);
      gone.add(id);
    } else if (record.version >= (latest.get(id)?.version ?? 0)) {
      latest.set(id, record);
    }
  }
  if (gone.size > 0) await client.query('DELETE FROM vpn_policy.known_device WHERE device_id = ANY ($1)', [[...gone]]);
  if (latest.size === 0) return;
  const records = [...latest].sort(([a], [b]) => (a < b ? -1 : 1));
  await client.query({
    name: 'save-known-devices',
    text: `INSERT INTO vpn_policy.known_device AS d (device_id, version, device_group, record)
           SELECT * FROM unnest($1::text[], $2::int[], $3::text[], $4::json[])
           ON CONFLICT (device_id) DO UPDATE SET version = excluded.version, device_group = excluded.device_group, record = excluded.record
           WHERE d.version < excluded.version`,
    values: [
      records.map(([id]) => id),
      records.map(([, { version }]) => version),
      records.map(([, { group }]) => group ?? null),
      records.map(([, record]) => JSON.stringify(record)),
    ],
  });
}

/** The device; undefined when the registry did not tell of it, or told that it is gone. */
export async function readDevice(on: Queryable, deviceId: string): Promise<DeviceRecord | undefined> {
  const { rows } = await on.query<{ record: DeviceRecord }>({
    name: 'read-known-device',
    text: 'SELECT record FROM vpn_policy.known_device WHERE device_id = $1',
    values: [deviceId],
  });
  return rows[0]?.record;
}

/** Devices in the order of their ids. @param groups undefined: of any group or none */
export async function readDevicesAfter(
  on: Queryable,
  after: string,
  limit: number,
  groups: readonly string[] | undefined,
): Promise<DeviceRecord[]> {
  const { rows } = await on.query<{ record: DeviceRecord }>(
    `SELECT record FROM vpn_policy.known_device WHERE device_id > $1 AND ($2::text[] IS NULL OR device_group = ANY ($2))
     ORDER BY device_id LIMIT $3`,
    [after, groups ?? null, limit],
  );
  return rows.map(({ record }) => record);
}
