import type { VpnAnyDiffAnswer } from '@quell/contracts/vpn-diff';
import type { VpnPolicyDiffAnswer } from '@quell/contracts/vpn-policy-api';
import type { VpnPolicyContent } from '@quell/contracts/vpn-policy-events';
import { isSame } from '../policy/decide.ts';

/** The comparison of two bodies, with the posture settings around them where these are not the same: then nothing is equal. */
export function withPostures(
  bodies: VpnAnyDiffAnswer,
  left: Pick<VpnPolicyContent, 'posture'>,
  right: Pick<VpnPolicyContent, 'posture'>,
): VpnPolicyDiffAnswer {
  if (isSame(left.posture, right.posture)) return bodies;
  const posture = { left: left.posture ?? null, right: right.posture ?? null };
  return bodies.result === 'equal'
    ? { result: 'different-posture', classes: bodies.classes, posture }
    : { ...bodies, posture };
}
