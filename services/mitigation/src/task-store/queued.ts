import { uuidArray } from '@quell/event-store/array-parameters';
import type { ClientBase } from 'pg';

/**
 * How many tasks wait for hand-out on each of these endpoints; those without any are left out. A bound on it is soft: whoever opens at
 * the same time does not see the other. Source: agent-protocol.md, Limits.
 */
export async function countQueued(client: ClientBase, endpointIds: readonly string[]): Promise<Map<string, number>> {
  if (endpointIds.length === 0) return new Map();
  const { rows } = await client.query<{ endpoint_id: string; queued: number }>({
    name: 'count-queued',
    text: `SELECT endpoint_id, count(*)::int AS queued FROM mitigation.work
           WHERE endpoint_id = ANY($1::uuid[]) AND phase = 'queued' GROUP BY endpoint_id`,
    values: [uuidArray([...new Set(endpointIds)], 'endpointId')],
  });
  return new Map(rows.map((row) => [row.endpoint_id, row.queued]));
}
