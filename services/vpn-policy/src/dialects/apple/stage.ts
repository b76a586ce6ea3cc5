import type { AppleOutcome } from '@quell/contracts/vpn-apple';
import type { VpnStep } from '@quell/contracts/vpn-explanation';

/** What a part of the evaluation adds: the outcomes that are possible from there on, and why. */
export type Stage = {
  readonly outcomes: readonly AppleOutcome[];
  readonly steps: readonly VpnStep[];
  readonly missing: readonly string[];
  readonly probes: readonly string[];
};

/** A stage that needed nothing to know its outcome. */
export function settled(outcome: AppleOutcome, steps: readonly VpnStep[] = []): Stage {
  return { outcomes: [outcome], steps, missing: [], probes: [] };
}

/** Several stages one after the other. */
export function joined(stages: readonly Stage[]): Stage {
  return {
    outcomes: stages.flatMap((stage) => stage.outcomes),
    steps: stages.flatMap((stage) => stage.steps),
    missing: stages.flatMap((stage) => stage.missing),
    probes: stages.flatMap((stage) => stage.probes),
  };
}
