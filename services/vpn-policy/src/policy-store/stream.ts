import { uuidv5 } from '@quell/contracts/uuidv5';
import { VPN_POLICY_EVENT_VERSION, type VpnPolicyEvent } from '@quell/contracts/vpn-policy-events';
import type { NewEvent, StoredEvent } from '@quell/event-store/event';
import type { RecordedPolicyEvent } from '../policy/policy.ts';

/** Who asks for a change, and the request by which its events are named. */
export interface Commanding {
  /** Who asks, as the event's actor. */
  readonly actor: string;
  /** Lower-case UUID of this very request: its events' ids follow from it. */
  readonly requestId: string;
}

export function newEvents(
  policyId: string,
  events: readonly VpnPolicyEvent[],
  { actor, requestId }: Commanding,
  occurredAt: Date,
): NewEvent[] {
  return events.map(({ type, data }, index) => ({
    id: uuidv5(`${requestId}:${index}`, policyId),
    type,
    schemaVersion: VPN_POLICY_EVENT_VERSION,
    data,
    occurredAt,
    correlationId: policyId,
    causationId: requestId,
    actor,
  }));
}

/** A stored event as the fold reads it. The store is trusted: its events were validated when they came in. */
export function recordedEvent(stored: StoredEvent): RecordedPolicyEvent {
  return {
    type: stored.type,
    data: stored.data,
    streamId: stored.streamId,
    version: stored.version,
    recordedAt: stored.recordedAt.toISOString(),
    actor: stored.actor,
  } as RecordedPolicyEvent;
}
