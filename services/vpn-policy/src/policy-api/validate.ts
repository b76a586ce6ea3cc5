import type { VpnPolicyValidation } from '@quell/contracts/vpn-policy-api';
import type { VpnPolicyBody } from '@quell/contracts/vpn-policy-body';
import { lintPolicy } from '../lint/lint-policy.ts';

/** What lint says to a policy; its errors are what keeps it from being published. */
export function validate(body: VpnPolicyBody): VpnPolicyValidation {
  const { findings, undecided } = lintPolicy(body);
  const blocking = findings.filter(({ severity }) => severity === 'error').map(({ rule }) => rule);
  return { publishable: blocking.length === 0, blocking: [...new Set(blocking)].sort(), findings, undecided };
}
