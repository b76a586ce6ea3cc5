import type { TaskEndpoint } from '@quell/contracts/task-endpoint';
import { uuidv5 } from '@quell/contracts/uuidv5';
import type { ClientBase } from 'pg';
import { TaskConflict } from '../task-store/conflict.ts';

const NAMESPACE = 'c0a2c6b4-7b0e-5f43-9b57-1f6d0a8e4b2d';

/** The id of the endpoint that is made for a device which none of the endpoints is: whoever makes it first, it is the same. */
export function endpointIdOfDevice(deviceId: string): string {
  return uuidv5(deviceId, NAMESPACE);
}

/**
 * SQL for the endpoint where a task of the endpoint `id` goes on: itself, but for one without an agent whose device turned out to be a
 * machine that has an endpoint already. Told each time, since the registry may say later that it is yet another.
 */
export function goesOnAt(id: string): string {
  return `coalesce((
    SELECT now.endpoint_id FROM mitigation.endpoint was JOIN mitigation.endpoint now ON now.device_id = was.former_device_id
    WHERE was.endpoint_id = ${id} AND was.agent_id IS NULL AND was.device_id IS NULL), ${id})`;
}

/**
 * Makes the endpoints of devices that a match found and that have no row yet, beside what was opened on them. It writes: behind an append.
 *
 * @throws TaskConflict when somebody else made the device another endpoint meanwhile: match again in a new transaction
 */
export async function keepDeviceEndpoints(client: ClientBase, endpoints: readonly TaskEndpoint[]): Promise<void> {
  const made = new Map(
    endpoints.flatMap(({ endpointId, agentId, deviceId }) =>
      agentId === undefined && deviceId !== undefined && endpointId === endpointIdOfDevice(deviceId)
        ? [[endpointId, deviceId] as const]
        : [],
    ),
  );
  if (made.size === 0) return;
  const values = [[...made.keys()], [...made.values()]];
  await client.query({
    name: 'keep-device-endpoints',
    text: `INSERT INTO mitigation.endpoint AS e (endpoint_id, device_id, device_matched)
           SELECT endpoint_id, device_id, true FROM unnest($1::uuid[], $2::text[]) AS d (endpoint_id, device_id) ORDER BY endpoint_id
           ON CONFLICT (endpoint_id) DO UPDATE SET device_id = excluded.device_id, former_device_id = NULL WHERE e.device_id IS NULL`,
    values,
  });
  const { rows } = await client.query<{ kept: number }>({
    name: 'kept-device-endpoints',
    text: `SELECT count(*)::int AS kept FROM mitigation.endpoint
           JOIN unnest($1::uuid[], $2::text[]) AS d (endpoint_id, device_id) USING (endpoint_id, device_id)`,
    values,
  });
  if (rows[0]?.kept !== made.size) throw new TaskConflict('an endpoint of a device is called otherwise now');
}
