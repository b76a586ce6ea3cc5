import type { VpnCriterion, VpnStep } from '@quell/contracts/vpn-explanation';
import type { GlobalProtectOutcome } from '@quell/contracts/vpn-globalprotect';
import type { Judged } from '../../evaluation/criterion.ts';
import { all } from '../../evaluation/criterion.ts';

/** A step of the app: the outcomes that it leaves, and the conditions that it looked at. */
export type Decided = {
  readonly outcomes: readonly GlobalProtectOutcome[];
  readonly missing: readonly string[];
  /** What is done where all conditions hold. */
  readonly action: GlobalProtectOutcome['action'];
  readonly criteria: readonly Judged['criterion'][];
};

/** A step that hangs on one condition of the device or the user. */
export function onCondition(
  { criterion, missing }: Judged,
  held: GlobalProtectOutcome,
  otherwise: GlobalProtectOutcome,
): Decided {
  const { verdict } = criterion;
  return {
    outcomes: [...(verdict === 'not-held' ? [] : [held]), ...(verdict === 'held' ? [] : [otherwise])],
    missing,
    action: held.action,
    criteria: [criterion],
  };
}

export function sure(outcome: GlobalProtectOutcome, criteria: readonly Judged['criterion'][] = []): Decided {
  return { outcomes: [outcome], missing: [], action: outcome.action, criteria };
}

/** The step as the trace has it, `first` before its own conditions. */
export function stepOf(place: string, first: readonly Judged['criterion'][], { action, criteria }: Decided): VpnStep {
  const looked = [...first, ...criteria];
  return { place, verdict: all(looked.map(({ verdict }) => verdict)), action, criteria: looked };
}

/** In words, what a condition that a context can change asks for. */
const wishes: Readonly<Record<string, (wanted: unknown) => string>> = {
  machineCert: () => 'the device had a machine certificate',
  auth: () => 'the user signed in by something else than SAML',
  used: (wanted) => `the user had disconnected ${String(wanted)} times`,
};

/** The last step of which nothing failed but what another context would have. */
export function nearestMiss(steps: readonly VpnStep[]) {
  for (const { place, action, criteria } of steps.toReversed()) {
    const failed: VpnCriterion[] = criteria.filter(({ verdict }) => verdict === 'not-held');
    const wanted = failed.flatMap(({ name, wanted: value }) => wishes[name]?.(value) ?? []);
    if (failed.length === 0 || wanted.length < failed.length) continue;
    const done = action === 'none' ? 'worked' : `done ${action}`;
    return { place, failed, text: `the app would have ${done} if ${wanted.join(' and ')}` };
  }
  return null;
}
