import { readDictionary } from '@quell/contracts/vpn-apple';
import type { VpnAnyDiffAnswer } from '@quell/contracts/vpn-diff';
import type { VpnPolicyBody } from '@quell/contracts/vpn-policy-body';
import { type DiffSide, diffApple } from './diff-apple.ts';
import { diffCisco } from './diff-cisco.ts';
import { diffGlobalProtect } from './diff-globalprotect.ts';

/** Where two policies of one vendor differ; `undefined` when they are of two vendors, which nothing compares. */
export function diffPolicies(left: VpnPolicyBody, right: VpnPolicyBody): VpnAnyDiffAnswer | undefined {
  if ('payload' in left && 'payload' in right) {
    return diffApple(read(left), read(right));
  }
  if ('profile' in left && 'profile' in right) {
    return diffCisco(left.profile, right.profile, { left: left.readings, right: right.readings });
  }
  if ('settings' in left && 'settings' in right) {
    return diffGlobalProtect(left.settings, right.settings, { left: left.readings, right: right.readings });
  }
  return undefined;
}

function read<S extends Pick<DiffSide, 'payload'>>(side: S): S {
  return { ...side, payload: readDictionary(side.payload) };
}
