import type { EnrolRequest } from '@quell/contracts/agent-protocol';
import { inTransaction } from '@quell/service-kit/transaction';
import type { Pool, PoolClient } from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { recognise } from '../../devices/recognise.ts';
import { endpointIdOfDevice } from '../../endpoints/device-endpoint.ts';
import { enqueueEndpointChange } from '../../endpoints/endpoint-changes.ts';
import { lockEndpoint } from '../../endpoints/endpoint-lock.ts';
import { recordHost } from '../../endpoints/host-record.ts';
import { isConflict, TaskConflict } from '../../task-store/conflict.ts';
import { agentsChanged } from '../publication/agents-changed.ts';
import {
  type AliasedEndpoint,
  decideEnrolment,
  type EnrolmentDecision,
  type EnrolmentFacts,
  type KnownAgent,
} from './decide-enrolment.ts';
import { hashOfToken } from './tokens.ts';

export type EnrolmentOutcome =
  | { readonly kind: 'enrolled'; readonly endpointId: string; readonly replacedAgentId?: string }
  | Extract<EnrolmentDecision, { kind: 'unauthenticated' | 'conflict' }>;

/**
 * Enrols the agent with `agentId`, whose signature was verified by `request.publicKey`. A token's uses are counted under its row
 * lock. What follows from a new agent is left as an endpoint change in the same transaction.
 */
export async function enrol(pool: Pool, agentId: string, request: EnrolRequest, now: Date): Promise<EnrolmentOutcome> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await inTransaction(pool, (client) => enrolOnce(client, agentId, request, now));
    } catch (error) {
      // Two enrolments of one device, key or enrolmentId at the same time: whoever comes second sees the first now.
      if (!isConflict(error) || attempt === 3) throw error;
    }
  }
}

async function enrolOnce(
  client: PoolClient,
  agentId: string,
  request: EnrolRequest,
  now: Date,
): Promise<EnrolmentOutcome> {
  const facts = await readFacts(client, agentId, request, now);
  const decision = decideEnrolment(facts);
  switch (decision.kind) {
    case 'same':
      return { kind: 'enrolled', endpointId: decision.endpointId };
    case 'unauthenticated':
    case 'conflict':
      return decision;
    case 'bind':
      return bind(client, agentId, request, now, decision);
  }
}

async function bind(
  client: PoolClient,
  agentId: string,
  request: EnrolRequest,
  now: Date,
  decision: Extract<EnrolmentDecision, { kind: 'bind' }>,
): Promise<EnrolmentOutcome> {
  const { replacedAgentId, deviceId } = decision;
  const endpointId = decision.endpointId ?? (deviceId === undefined ? uuidv7() : endpointIdOfDevice(deviceId));
  await client.query('UPDATE mitigation.enrolment_token SET uses = uses + 1 WHERE token_sha256 = $1', [
    hashOfToken(request.enrolmentToken),
  ]);
  if (replacedAgentId !== undefined) {
    // No hand-out to the old agent is under way while its endpoint moves.
    await lockEndpoint(client, endpointId);
    await client.query(`UPDATE mitigation.agent SET status = 'replaced', ended_at = $2 WHERE agent_id = $1`, [
      replacedAgentId,
      now,
    ]);
  }
  if (deviceId !== undefined) {
    await client.query(
      'UPDATE mitigation.endpoint SET device_id = NULL WHERE device_id = $1 AND endpoint_id <> $2 AND device_matched',
      [deviceId, endpointId],
    );
  }
  // The endpoint has to be held by whom the decision found there: the id of a device's endpoint is known to all who enrol for it.
  const bound = await client.query(
    `INSERT INTO mitigation.endpoint AS e (endpoint_id, device_id, agent_id, device_matched) VALUES ($1, $2, $3, $5)
     ON CONFLICT (endpoint_id) DO UPDATE SET agent_id = EXCLUDED.agent_id, device_id = coalesce(EXCLUDED.device_id, e.device_id),
       device_matched = CASE WHEN EXCLUDED.device_id IS NULL THEN e.device_matched ELSE EXCLUDED.device_matched END
     WHERE e.agent_id IS NOT DISTINCT FROM $4`,
    [endpointId, deviceId, agentId, replacedAgentId ?? (decision.first ? null : agentId), decision.inferred === true],
  );
  if (bound.rowCount !== 1) throw new TaskConflict('another agent enrolled on this endpoint meanwhile');
  // Enrolled again, a key begins anew: a conflict of its boots is over.
  await client.query(
    `INSERT INTO mitigation.agent (agent_id, public_key, endpoint_id, enrolment_id, status, enrolled_at)
     VALUES ($1, $2, $3, $4, 'active', $5)
     ON CONFLICT (agent_id) DO UPDATE SET endpoint_id = EXCLUDED.endpoint_id, enrolment_id = EXCLUDED.enrolment_id,
       status = 'active', enrolled_at = EXCLUDED.enrolled_at, ended_at = NULL,
       boot_id = NULL, boot_signed_at = NULL, earlier_boot_ids = '{}', conflict_at = NULL`,
    [agentId, request.publicKey, endpointId, request.enrolmentId, now],
  );
  await recordHost(client, endpointId, { host: request.host }, now);
  await agentsChanged(client, replacedAgentId === undefined ? [agentId] : [agentId, replacedAgentId]);
  const reason = replacedAgentId !== undefined ? 'replaced' : decision.first ? 'enrolled' : 'host-changed';
  const replaced = replacedAgentId === undefined ? {} : { replacedAgentId };
  await enqueueEndpointChange(client, { endpointId, reason, agentId, ...replaced, changedAt: now });
  return { kind: 'enrolled', endpointId, ...replaced };
}

async function readFacts(
  client: PoolClient,
  agentId: string,
  request: EnrolRequest,
  now: Date,
): Promise<EnrolmentFacts> {
  const tokens = await client.query<NonNullable<EnrolmentFacts['token']>>(
    `SELECT expires_at AS "expiresAt", max_uses AS "maxUses", uses, replaces_agent_id AS "replacesAgentId"
     FROM mitigation.enrolment_token WHERE token_sha256 = $1 FOR UPDATE`,
    [hashOfToken(request.enrolmentToken)],
  );
  const token = tokens.rows[0];
  const agents = await client.query<KnownAgent>(
    `SELECT agent_id AS "agentId", endpoint_id AS "endpointId", enrolment_id AS "enrolmentId", status
     FROM mitigation.agent WHERE agent_id IN ($1, $2) OR enrolment_id = $3`,
    [agentId, token?.replacesAgentId, request.enrolmentId],
  );
  const own = agents.rows.find((agent) => agent.agentId === agentId);
  const replaceable = agents.rows.find((agent) => agent.agentId === token?.replacesAgentId);
  const { deviceId } = request.host;
  const unknown = deviceId === undefined && own === undefined && replaceable === undefined;
  const recognised = unknown ? await recognise(client, request.host) : undefined;
  const recognisedId = recognised && (recognised.holder?.endpointId ?? endpointIdOfDevice(recognised.deviceId));
  // Locked in one order: two enrolments onto one endpoint must not both find it free.
  const endpoints = await client.query<AliasedEndpoint & { matched: boolean }>(
    `SELECT endpoint_id AS "endpointId", device_id AS "deviceId", agent_id AS "agentId", device_matched AS matched
     FROM mitigation.endpoint WHERE endpoint_id IN ($1, $2, $4) OR device_id = $3 ORDER BY endpoint_id FOR UPDATE`,
    [own?.endpointId, replaceable?.endpointId, deviceId, recognisedId],
  );
  return {
    agentId,
    enrolmentId: request.enrolmentId,
    deviceId,
    now,
    token,
    own,
    enrolmentHolder: agents.rows.find((agent) => agent.enrolmentId === request.enrolmentId),
    replaceable,
    ...(recognised === undefined ? {} : { recognised: { deviceId: recognised.deviceId, endpointId: recognisedId! } }),
    endpoints: endpoints.rows.map(({ matched, ...endpoint }) => ({
      ...endpoint,
      deviceId: matched && isGuess(endpoint) ? null : endpoint.deviceId,
    })),
  };
}

/** The endpoint that was made for a device is that device, however its agent was recognised. */
function isGuess({ endpointId, deviceId }: AliasedEndpoint): boolean {
  return deviceId === null || endpointId !== endpointIdOfDevice(deviceId);
}
