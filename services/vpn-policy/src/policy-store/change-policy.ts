import type { VpnPolicyEvent } from '@quell/contracts/vpn-policy-events';
import { append } from '@quell/event-store/append';
import { load, loadUntil } from '@quell/event-store/load';
import { retryingOn } from '@quell/service-kit/retrying';
import type { ClientBase, Pool } from 'pg';
import { SCHEMA } from '../database/schema.ts';
import { decide, type PolicyCommand, type PolicyDecision } from '../policy/decide.ts';
import { evolve, foldPolicy, type Policy, type RecordedPolicyEvent } from '../policy/policy.ts';
import { savePolicyRow } from './policy-row.ts';
import { type Commanding, newEvents, recordedEvent } from './stream.ts';

export type PolicyAnswer =
  | { readonly ok: true; readonly policy: Policy }
  | {
      readonly ok: false;
      readonly problem: (PolicyDecision & { kind: 'refused' })['problem'] | 'precondition-failed';
      readonly detail: string;
    };

/** Somebody else changed the policy first: roll back, read again, decide again. */
class PolicyConflict extends Error {
  override readonly name = 'PolicyConflict';
}

const isConflict = (error: unknown) => error instanceof PolicyConflict;

/** The policy folded from its stream; undefined when there is none. */
export async function loadPolicy(client: Pick<ClientBase, 'query'>, policyId: string): Promise<Policy | undefined> {
  const streams = await load(client, SCHEMA, [policyId]);
  return foldPolicy((streams.get(policyId) ?? []).map(recordedEvent));
}

/** What a policy was first drafted with; undefined when there is none. */
export async function firstDraftOf(client: Pick<ClientBase, 'query'>, policyId: string): Promise<unknown> {
  const [first] = (await loadUntil(client, SCHEMA, [policyId], { asOf: 1 })).get(policyId) ?? [];
  return first?.data;
}

/**
 * Loads a policy, decides, appends, and brings its row up to date; again from the beginning when somebody else was faster.
 *
 * @param command what is wanted, which may depend on the policy as it is
 * @param allowed the versions that the policy may have (`If-Match`); undefined: any
 * @throws ProblemError 503 when others were faster every time
 */
export async function changePolicy(
  pool: Pool,
  policyId: string,
  command: (policy: Policy | undefined) => PolicyCommand,
  by: Commanding,
  allowed?: readonly number[],
): Promise<PolicyAnswer> {
  return retryingOn(isConflict, pool, async (client): Promise<PolicyAnswer> => {
    const before = await loadPolicy(client, policyId);
    if (allowed !== undefined && before !== undefined && !allowed.includes(before.version)) {
      const detail = `The policy is at version ${before.version}. Read it again, and decide again.`;
      return { ok: false, problem: 'precondition-failed', detail };
    }
    const decision = decide(before, command(before));
    if (decision.kind === 'refused') return { ok: false, problem: decision.problem, detail: decision.detail };
    return { ok: true, policy: await write(client, policyId, before, decision.events, by) };
  });
}

async function write(
  client: ClientBase,
  policyId: string,
  before: Policy | undefined,
  events: readonly VpnPolicyEvent[],
  by: Commanding,
): Promise<Policy> {
  if (events.length === 0 && before !== undefined) return before;
  const expectedVersion = before?.version ?? 0;
  const added = newEvents(policyId, events, by, new Date());
  const appended = await append(client, SCHEMA, [{ streamId: policyId, expectedVersion, events: added }]);
  if (!appended.ok) throw new PolicyConflict(`policy ${policyId} was changed by somebody else`);
  const recordedAt = appended.streams.get(policyId)!.recordedAt.toISOString();
  const recorded = events.map((event, index) => {
    const version = expectedVersion + index + 1;
    return { ...event, streamId: policyId, version, recordedAt, actor: by.actor } as RecordedPolicyEvent;
  });
  const after = recorded.reduce<Policy | undefined>(evolve, before)!;
  await savePolicyRow(client, after);
  return after;
}
