/** An agent on record. */
export interface KnownAgent {
  readonly agentId: string;
  readonly endpointId: string;
  readonly enrolmentId: string;
  readonly status: 'active' | 'replaced' | 'revoked';
}

/** An endpoint on record, with its current aliases. */
export interface AliasedEndpoint {
  readonly endpointId: string;
  /** Null also for one that was only inferred: what an agent says of itself is stronger. */
  readonly deviceId: string | null;
  readonly agentId: string | null;
}

/** Everything that an enrolment depends on, read in its transaction. */
export interface EnrolmentFacts {
  readonly agentId: string;
  readonly enrolmentId: string;
  readonly deviceId: string | undefined;
  readonly now: Date;
  readonly token:
    | {
        readonly expiresAt: Date;
        readonly maxUses: number;
        readonly uses: number;
        readonly replacesAgentId: string | null;
      }
    | undefined;
  /** The agent with this key. */
  readonly own: KnownAgent | undefined;
  /** The agent that used this enrolmentId. */
  readonly enrolmentHolder: KnownAgent | undefined;
  /** The agent that the token allows to replace. */
  readonly replaceable: KnownAgent | undefined;
  /** The device of the registry that the machine is recognised as, and the endpoint which that device is, or will be. */
  readonly recognised?: { readonly deviceId: string; readonly endpointId: string } | undefined;
  /** Every endpoint that may be meant: those of `own`, `replaceable` and `recognised`, and the holder of the deviceId. */
  readonly endpoints: readonly AliasedEndpoint[];
}

export type EnrolmentDecision =
  /** The same enrolment again: the same answer, nothing changes. */
  | { readonly kind: 'same'; readonly endpointId: string }
  | {
      readonly kind: 'bind';
      /** Absent: a new endpoint. */
      readonly endpointId?: string;
      /** The deviceId that the endpoint has from now on. */
      readonly deviceId?: string;
      /** The agent did not say so: it was recognised. */
      readonly inferred?: true;
      /** The agent that loses the endpoint to this one. */
      readonly replacedAgentId?: string;
      /** Whether this is the first agent that the endpoint has. */
      readonly first: boolean;
    }
  /** One generic 401. */
  | { readonly kind: 'unauthenticated' }
  /** 409 for one who has a valid token. */
  | { readonly kind: 'conflict'; readonly detail: string };

/**
 * Which endpoint an enrolling agent gets, if any. A known deviceId binds to its endpoint; one that another agent holds is given up
 * only for a token made with that agent's `replacesAgentId`. A machine that says no deviceId gets the endpoint of the device it is
 * recognised as, while that has no agent. Source: agent-protocol.md, Identity.
 */
export function decideEnrolment(facts: EnrolmentFacts): EnrolmentDecision {
  const { agentId, deviceId, token, own, replaceable } = facts;
  // The key proves who is asking, so a lost answer is repeated even when the token has been used up by now.
  if (own?.status === 'active' && own.enrolmentId === facts.enrolmentId)
    return { kind: 'same', endpointId: own.endpointId };
  const valid = token !== undefined && token.expiresAt > facts.now && token.uses < token.maxUses;
  if (!valid || own?.status === 'revoked') return { kind: 'unauthenticated' };
  const holder = facts.enrolmentHolder;
  if (holder !== undefined && holder.agentId !== agentId)
    return conflict('Another key enrolled with this enrolmentId.');
  if (token.replacesAgentId !== null && replaceable === undefined) {
    return conflict(`The token replaces agent ${token.replacesAgentId}, which is not known.`);
  }

  const find = (endpointId: string | undefined) =>
    facts.endpoints.find((endpoint) => endpoint.endpointId === endpointId);
  const base = find(replaceable?.endpointId) ?? find(own?.endpointId);
  const device =
    deviceId === undefined ? undefined : facts.endpoints.find((endpoint) => endpoint.deviceId === deviceId);
  if (device !== undefined && base !== undefined && device.endpointId !== base.endpointId) {
    return conflict(
      'The deviceId belongs to another endpoint than the agent that would be replaced or enrolled again.',
    );
  }
  const target = device ?? base;
  if (target === undefined) {
    const { recognised } = facts;
    const isFree = recognised !== undefined && (find(recognised.endpointId)?.agentId ?? null) === null;
    if (deviceId === undefined && isFree) return { kind: 'bind', ...recognised, inferred: true, first: true };
    return { kind: 'bind', ...(deviceId === undefined ? {} : { deviceId }), first: true };
  }
  if (deviceId !== undefined && target.deviceId !== null && target.deviceId !== deviceId) {
    return conflict('The endpoint of this agent has another deviceId. Enrol with a new key.');
  }
  if (own?.status === 'active' && own.endpointId !== target.endpointId) {
    return conflict('This key serves another endpoint. Enrol with a new key.');
  }
  const current = target.agentId;
  if (current !== null && current !== agentId && current !== token.replacesAgentId) {
    return conflict('Another agent holds this identity. Make an enrolment token with replacesAgentId to hand it over.');
  }
  return {
    kind: 'bind',
    endpointId: target.endpointId,
    ...(deviceId === undefined ? {} : { deviceId }),
    ...(current === null || current === agentId ? {} : { replacedAgentId: current }),
    first: current === null,
  };
}

function conflict(detail: string): EnrolmentDecision {
  return { kind: 'conflict', detail };
}
