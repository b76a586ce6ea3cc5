import type { GlobalProtectDiffAnswer } from '@quell/contracts/vpn-diff';
import {
  type GlobalProtectContext,
  type GlobalProtectOutcome,
  type GlobalProtectPolicy,
  globalProtectEvent,
  globalProtectPlatform,
} from '@quell/contracts/vpn-globalprotect';
import { evaluateGlobalProtect } from '../dialects/globalprotect/evaluate.ts';
import type { SwitchedGlobalProtectReadings } from '../dialects/globalprotect/methods.ts';
import { Differences } from './differences.ts';

/**
 * Compares two portal configurations in every context: platform, event, SAML or not, machine certificate or not, and disconnects used up to
 * either's limit. Reasons alone are no difference.
 */
export function diffGlobalProtect(
  left: GlobalProtectPolicy,
  right: GlobalProtectPolicy,
  switched: {
    readonly left?: SwitchedGlobalProtectReadings | undefined;
    readonly right?: SwitchedGlobalProtectReadings | undefined;
  } = {},
): GlobalProtectDiffAnswer {
  const sides = [
    { policy: left, readings: switched.left },
    { policy: right, readings: switched.right },
  ];
  const differences = new Differences<GlobalProtectOutcome, GlobalProtectContext>();
  const limits = [...new Set([0, left.maxUserOverrides, right.maxUserOverrides])];
  for (const platform of globalProtectPlatform.options) {
    for (const event of globalProtectEvent.options) {
      for (const auth of ['saml', 'certificate']) {
        for (const machineCert of [true, false]) {
          for (const used of limits) {
            const context = { platform, event, auth, machineCert, used };
            const [one, other] = sides.map(
              ({ policy, readings }) => evaluateGlobalProtect(policy, context, readings).possible[0],
            ) as [GlobalProtectOutcome, GlobalProtectOutcome];
            differences.add(one, other, effect(one) === effect(other), context);
          }
        }
      }
    }
  }
  return differences.answer();
}

function effect({ reason: _, ...outcome }: GlobalProtectOutcome): string {
  return JSON.stringify(outcome, Object.keys(outcome).sort());
}
