import type { FeedCursor } from '@quell/event-store/feed';
import type { Pool } from 'pg';
import { v7 as uuidv7 } from 'uuid';
import type { Device } from '../device/device.ts';
import { changeDevicesIn } from '../device-store/change-devices.ts';
import { loadRows } from '../device-store/load.ts';
import { beginMatching } from '../device-store/matching-lock.ts';
import { retryingConflicts } from '../device-store/retrying.ts';
import { loadAgents, saveAssignment } from './agent-rows.ts';
import { type AssignmentRefusal, decideAssignment } from './decide-assignment.ts';

export interface Assignment {
  readonly agentId: string;
  readonly deviceId: string;
  /** Who decides. */
  readonly actor: string;
}

export type AssignmentAnswer =
  | { readonly ok: true; readonly device: Device; readonly position?: FeedCursor }
  | { readonly ok: false; readonly refusal: AssignmentRefusal };

/**
 * Puts an agent that was matched to no device on the one that somebody chose: an event of the device, in their name, and the row of the
 * agent. Nobody else matches agents meanwhile.
 *
 * @throws ProblemError 503 when others were faster again and again
 */
export function assignAgent(pool: Pool, { agentId, deviceId, actor }: Assignment): Promise<AssignmentAnswer> {
  const causeId = uuidv7();
  return retryingConflicts(pool, async (client): Promise<AssignmentAnswer> => {
    await beginMatching(client);
    const agents = await loadAgents(client, { agentIds: [agentId] });
    const devices = await loadRows(client, [deviceId]);
    const verdict = decideAssignment(
      { agentId, deviceId },
      agents.find((one) => one.agent_id === agentId),
      devices.get(deviceId),
    );
    if (!verdict.ok) return verdict;
    if (!verdict.isNew) return { ok: true, device: verdict.device };
    const { hostname, ips, macs, platform, enrolled_at, endpoint_id } = verdict.agent;
    const report = { hostname: hostname ?? undefined, ips, macs, platform: platform ?? undefined };
    const command = { kind: 'report', agentId, report, enrolledAt: enrolled_at.toISOString() } as const;
    const { outcomes, position } = await changeDevicesIn(
      client,
      [{ deviceId, command, causeId }],
      { actor, correlationId: endpoint_id, occurredAt: new Date() },
      { read: 'rows' },
    );
    await saveAssignment(client, agentId, deviceId);
    const [outcome] = outcomes;
    if (outcome === undefined || !outcome.ok) throw new Error(`a report on ${deviceId} was refused`);
    return { ok: true, device: outcome.device, ...(position === undefined ? {} : { position }) };
  });
}
