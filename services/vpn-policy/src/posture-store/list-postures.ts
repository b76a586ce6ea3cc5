import { uuid } from '@quell/contracts/vocabulary';
import { type DevicePosture, postureSettings } from '@quell/contracts/vpn-posture';
import { decodeCursor, encodeCursor, type Page } from '@quell/service-kit/cursor';
import type { Pool } from 'pg';
import { countingThreats } from '../posture/unresolved.ts';
import { exceptionsFor, loadStandingOn, positionOf, postureOfStanding } from './posture-of.ts';

const position = uuid;
const FIRST = '00000000-0000-0000-0000-000000000000';

const CHUNK = 500;

/** So many endpoints are looked at for one page; one that holds fewer items than asked for may have a next page all the same. */
const MOST_LOOKED_AT = 10_000;

/** What counts where a policy does not say otherwise. */
const byDefault = postureSettings.parse({ action: { kind: 'disconnect' } });

/** Endpoints with a threat that stands unresolved, by id; with `unresolved` only those where one counts by default. */
export async function listPostures(
  pool: Pool,
  {
    unresolved,
    limit,
    cursor,
  }: { readonly unresolved: boolean; readonly limit: number; readonly cursor?: string | undefined },
  now = new Date(),
): Promise<Page<DevicePosture>> {
  const items: DevicePosture[] = [];
  const at = await positionOf(pool);
  let after = cursor === undefined ? FIRST : decodeCursor(cursor, position);
  for (let looked = 0; looked < MOST_LOOKED_AT; looked += CHUNK) {
    const endpointIds = await standingEndpoints(pool, after, CHUNK);
    const standing = endpointIds.length === 0 ? [] : await loadStandingOn(pool, endpointIds);
    const exceptions = await exceptionsFor(pool, standing, now);
    const byEndpoint = Map.groupBy(standing, ({ task }) => task.endpoint.endpointId);
    for (const endpointId of endpointIds) {
      const own = byEndpoint.get(endpointId) ?? [];
      const posture = { ...postureOfStanding({ endpointId }, own, exceptions), position: at };
      const isListed = unresolved
        ? countingThreats(byDefault, posture.unresolved).length > 0
        : posture.unresolved.length > 0;
      if (isListed && items.push(posture) === limit) return { items, nextCursor: encodeCursor(endpointId) };
    }
    if (endpointIds.length < CHUNK) return { items };
    after = endpointIds.at(-1)!;
  }
  return { items, nextCursor: encodeCursor(after) };
}

async function standingEndpoints(pool: Pool, after: string, limit: number): Promise<string[]> {
  const { rows } = await pool.query<{ endpoint_id: string }>({
    name: 'standing-endpoints',
    text: `SELECT DISTINCT endpoint_id FROM vpn_policy.task_posture WHERE since IS NOT NULL AND endpoint_id > $1
           ORDER BY endpoint_id LIMIT $2`,
    values: [after, limit],
  });
  return rows.map((row) => row.endpoint_id);
}
