import type { VpnPolicyDto, VpnPolicySummary, VpnPolicyVersionInfo } from '@quell/contracts/vpn-policy-api';
import { isSame } from '../policy/decide.ts';
import { contentOf, type Policy, type PolicyVersion, versionInForce } from '../policy/policy.ts';

/** A policy as lists show it. */
export function policySummaryOf(policy: Policy): VpnPolicySummary {
  const last = versionInForce(policy);
  const { id, name, description, state, draft, assignment, createdAt, createdBy, updatedAt, version } = policy;
  return {
    id,
    name,
    ...(description === undefined ? {} : { description }),
    state,
    dialect: draft.body.dialect,
    ...(last === undefined ? {} : { current: last.number }),
    hasDraft: hasDraft(policy),
    ...(assignment === undefined ? {} : { assignment }),
    createdAt,
    createdBy,
    updatedAt,
    version,
  };
}

/** A policy as it is asked for by id. */
export function policyDtoOf(policy: Policy): VpnPolicyDto {
  const last = versionInForce(policy);
  const content = last === undefined ? undefined : contentOf(policy, last.number);
  return {
    ...policySummaryOf(policy),
    ...(hasDraft(policy) ? { draft: policy.draft } : {}),
    ...(last === undefined || content === undefined ? {} : { inForce: { ...versionInfoOf(last), content } }),
  };
}

export function versionInfoOf({ source: _, acceptedFindings, ...version }: PolicyVersion): VpnPolicyVersionInfo {
  return { ...version, acceptedFindings: [...acceptedFindings] };
}

function hasDraft(policy: Policy): boolean {
  const last = versionInForce(policy);
  return last === undefined || !isSame(contentOf(policy, last.number), policy.draft);
}
