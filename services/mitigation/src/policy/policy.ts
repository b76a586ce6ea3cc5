import { type MitigationPolicy, mitigationPolicy } from '@quell/contracts/mitigation-policy';
import type { ClockSettings } from '../task/settings.ts';

/** The policy as the decisions read it. */
export interface EffectivePolicy {
  readonly assessFirst: boolean;
  readonly minSeverity: number;
  /** Threat kinds that open tasks; absent: all. */
  readonly kinds?: ReadonlySet<string>;
  readonly reopenAfterSeconds: number;
  readonly clocks: ClockSettings;
}

export function effectivePolicy(policy: MitigationPolicy): EffectivePolicy {
  const { minSeverity, kinds } = policy.openTaskFrom;
  return {
    assessFirst: policy.cleanup === 'assess-first',
    minSeverity: minSeverity === 99 ? 0 : minSeverity,
    ...(kinds === undefined ? {} : { kinds: new Set<string>(kinds) }),
    reopenAfterSeconds: policy.reopenAfter,
    clocks: policy.clocks,
  };
}

/** The policy before anybody set one; `clocks` are the installation's own settings where it has any. */
export function defaultPolicy(clocks: Partial<ClockSettings> = {}): MitigationPolicy {
  return mitigationPolicy.parse({ clocks });
}
