import { assertNever } from '@quell/contracts/vocabulary';
import type { VpnAssignment, VpnPolicyContent, VpnPolicyEvent } from '@quell/contracts/vpn-policy-events';
import { contentOf, type Policy, versionInForce } from './policy.ts';

type Why = { readonly reason: string };
type Draft = Why & {
  readonly name: string;
  readonly description?: string | undefined;
  readonly content: VpnPolicyContent;
};

/** What somebody wants of a policy. */
export type PolicyCommand =
  | ({ readonly type: 'draft' } & Draft)
  | ({ readonly type: 'edit' } & Draft)
  /** `errors`: the rules of lint that call the draft wrong. */
  | ({ readonly type: 'publish'; readonly errors: readonly string[]; readonly accepted: readonly string[] } & Why)
  | ({ readonly type: 'roll-back'; readonly to: number } & Why)
  | ({ readonly type: 'assign'; readonly assignment: VpnAssignment } & Why)
  | ({ readonly type: 'retire' } & Why);

/** Events to add, none when all is as wanted already; or why not, for people. */
export type PolicyDecision =
  | { readonly kind: 'accepted'; readonly events: readonly VpnPolicyEvent[] }
  | { readonly kind: 'refused'; readonly problem: 'not-found' | 'conflict' | 'unprocessable'; readonly detail: string };

/** @param policy undefined: there is none yet */
export function decide(policy: Policy | undefined, command: PolicyCommand): PolicyDecision {
  if (command.type === 'draft') {
    if (policy !== undefined) return refused('conflict', 'There is such a policy already.');
    return accepted({ type: 'PolicyDrafted', data: draftOf(command) });
  }
  if (policy === undefined) return refused('not-found', 'There is no such policy.');
  if (policy.state === 'retired') return refused('conflict', 'The policy is retired: nothing changes it any more.');
  switch (command.type) {
    case 'edit': {
      const { name, description, draft: content } = policy;
      const data = draftOf(command);
      if (isSame({ name, description, content }, { ...data, reason: undefined })) return accepted();
      return accepted({ type: 'PolicyDraftEdited', data });
    }
    case 'publish':
      return publish(policy, command);
    case 'roll-back':
      return rollBack(policy, command);
    case 'assign':
      return assign(policy, command);
    case 'retire':
      return accepted({ type: 'PolicyRetired', data: { reason: command.reason } });
    default:
      return assertNever(command);
  }
}

function draftOf({ name, description, content, reason }: Draft) {
  return { name, ...(description === undefined ? {} : { description }), content, reason };
}

function publish(policy: Policy, { errors, accepted: names, reason }: PolicyCommand & { type: 'publish' }) {
  const blocking = [...new Set(errors)].filter((rule) => !names.includes(rule));
  if (blocking.length > 0) {
    const detail = `Lint calls the draft wrong: ${blocking.join(', ')}. Mend it, or name these rules in acceptFindings.`;
    return refused('unprocessable', detail);
  }
  const last = versionInForce(policy);
  if (last !== undefined && isSame(contentOf(policy, last.number), policy.draft)) {
    return refused('conflict', `The draft is what version ${last.number} says, which is in force.`);
  }
  return accepted({
    type: 'PolicyPublished',
    data: {
      number: (last?.number ?? 0) + 1,
      content: policy.draft,
      acceptedFindings: [...new Set(errors)].sort(),
      reason,
    },
  });
}

function rollBack(policy: Policy, { to, reason }: PolicyCommand & { type: 'roll-back' }): PolicyDecision {
  const last = versionInForce(policy);
  const wanted = policy.versions[to - 1];
  if (last === undefined || wanted === undefined) return refused('not-found', `The policy has no version ${to}.`);
  if (wanted.source === last.source) {
    return refused('conflict', `Version ${last.number}, which is in force, says what version ${to} says.`);
  }
  return accepted({ type: 'PolicyRolledBack', data: { number: last.number + 1, restores: to, reason } });
}

function assign(policy: Policy, { assignment, reason }: PolicyCommand & { type: 'assign' }): PolicyDecision {
  const { since: _, ...before } = policy.assignment ?? { since: '' };
  const isForNobody =
    assignment.groups.length === 0 && assignment.queries.length === 0 && assignment.everyone === false;
  if (isForNobody) {
    return policy.assignment === undefined ? accepted() : accepted({ type: 'PolicyUnassigned', data: { reason } });
  }
  if (isSame(before, assignment)) return accepted();
  return accepted({ type: 'PolicyAssigned', data: { ...assignment, reason } });
}

function accepted(...events: VpnPolicyEvent[]): PolicyDecision {
  return { kind: 'accepted', events };
}

function refused(problem: 'not-found' | 'conflict' | 'unprocessable', detail: string): PolicyDecision {
  return { kind: 'refused', problem, detail };
}

/** Whether two values say the same as JSON, whatever the order of their members. */
export function isSame(a: unknown, b: unknown): boolean {
  return canonical(a) === canonical(b);
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_, member: unknown) =>
    typeof member === 'object' && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).sort(([x], [y]) => (x < y ? -1 : 1)))
      : member,
  );
}
