import type { VpnPolicyContent, VpnPolicyEvent } from '@quell/contracts/vpn-policy-events';
import { decide, type PolicyCommand } from './decide.ts';
import { evolve, foldPolicy, type Policy, type RecordedPolicyEvent } from './policy.ts';

export const POLICY_ID = '0199b3f2-4444-7c3a-9d5e-4f1f6a1b2c3d';

/** A policy that says nothing but its action. */
export function contentWith(action: 'Connect' | 'Disconnect' | 'Ignore'): VpnPolicyContent {
  return {
    body: { dialect: 'apple-mdm', payload: { OnDemandEnabled: 1, OnDemandRules: [{ Action: action }] } },
  };
}

export const drafted = (action: 'Connect' | 'Disconnect' | 'Ignore', name = 'Laptops') =>
  ({ type: 'draft', name, content: contentWith(action), reason: 'a first try' }) as const;

/** Events as a stream would hold them, a second apart. */
export function recorded(events: readonly VpnPolicyEvent[], from = 0): RecordedPolicyEvent[] {
  return events.map((event, index) => ({
    ...event,
    streamId: POLICY_ID,
    version: from + index + 1,
    recordedAt: new Date(Date.UTC(2026, 10, 23) + (from + index) * 1000).toISOString(),
    actor: 'key:1 (ann)',
  }));
}

/** What these commands leave, one after the other; a refused one leaves all as it was. */
export function after(...commands: readonly PolicyCommand[]): {
  policy: Policy | undefined;
  events: RecordedPolicyEvent[];
  refusals: string[];
} {
  let policy: Policy | undefined;
  const events: RecordedPolicyEvent[] = [];
  const refusals: string[] = [];
  for (const command of commands) {
    const decision = decide(policy, command);
    if (decision.kind === 'refused') {
      refusals.push(decision.problem);
      continue;
    }
    const added = recorded(decision.events, events.length);
    policy = added.reduce<Policy | undefined>(evolve, policy);
    events.push(...added);
  }
  return { policy, events, refusals };
}

export const folded = (events: readonly RecordedPolicyEvent[]) => foldPolicy(events);
