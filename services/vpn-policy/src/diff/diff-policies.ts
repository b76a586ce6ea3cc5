import type { VpnAnyDiffAnswer } from '@quell/contracts/vpn-diff';
import type { VpnPolicyBody } from '@quell/contracts/vpn-policy-body';
import { diffApple } from './diff-apple.ts';
import { diffCisco } from './diff-cisco.ts';
import { diffGlobalProtect } from './diff-globalprotect.ts';

/** Where two policies of one vendor differ; `undefined` when they are of two vendors, which nothing compares. */
export function diffPolicies(left: VpnPolicyBody, right: VpnPolicyBody): VpnAnyDiffAnswer | undefined {
  if ('payload' in left && 'payload' in right) return diffApple(left, right);
  if ('profile' in left && 'profile' in right) {
    return diffCisco(left.profile, right.profile, { left: left.readings, right: right.readings });
  }
  if ('settings' in left && 'settings' in right) {
    return diffGlobalProtect(left.settings, right.settings, { left: left.readings, right: right.readings });
  }
  return undefined;
}
