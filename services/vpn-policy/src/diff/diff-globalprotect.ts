import type { GlobalProtectDiffAnswer } from '@quell/contracts/vpn-diff';
import {
  type GlobalProtectContext,
  type GlobalProtectOutcome,
  type GlobalProtectPolicy,
  globalProtectEvent,
  globalProtectOutcome,
  globalProtectPlatform,
} from '@quell/contracts/vpn-globalprotect';
import { evaluateGlobalProtect } from '../dialects/globalprotect/evaluate.ts';
import type { SwitchedGlobalProtectReadings } from '../dialects/globalprotect/methods.ts';
import { Differences } from './differences.ts';

/**
 * Compares two portal configurations in every context: platform, event, SAML or not, machine certificate or not, and disconnects used up to
 * either's limit; where they do the same in all of these, also where it is not known how the user signs in or whether there is a certificate,
 * of which readings make different things. Reasons alone are no difference.
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
  const compare = (context: GlobalProtectContext) => {
    const [one, other] = sides.map(({ policy, readings }) =>
      globalProtectOutcome.parse(evaluateGlobalProtect(policy, context, readings)),
    ) as [GlobalProtectOutcome, GlobalProtectOutcome];
    differences.add(one, other, effect(one) === effect(other), context);
  };
  const signIns = [{ auth: 'saml' }, { auth: 'certificate' }];
  const certificates = [{ machineCert: true }, { machineCert: false }];
  for (const context of contextsOf(signIns, certificates, limits)) compare(context);
  if (differences.answer().result === 'equal') {
    for (const context of contextsOf([...signIns, {}], [{}], limits)) compare(context);
    for (const context of contextsOf([{}], certificates, limits)) compare(context);
  }
  return differences.answer();
}

function contextsOf(
  signIns: readonly Pick<GlobalProtectContext, 'auth'>[],
  certificates: readonly Pick<GlobalProtectContext, 'machineCert'>[],
  limits: readonly number[],
): GlobalProtectContext[] {
  return globalProtectPlatform.options.flatMap((platform) =>
    globalProtectEvent.options.flatMap((event) =>
      signIns.flatMap((signIn) =>
        certificates.flatMap((certificate) =>
          limits.map((used) => ({ platform, event, ...signIn, ...certificate, used })),
        ),
      ),
    ),
  );
}

function effect({ reason: _, ...outcome }: GlobalProtectOutcome): string {
  return JSON.stringify(outcome, Object.keys(outcome).sort());
}
