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
  /** With so many tasks waiting for hand-out an endpoint gets no further one. A setting of the installation, not of the document. */
  readonly maxQueuedTasks: number;
}

export const DEFAULT_MAX_QUEUED_TASKS = 1000;

/** When whoever was refused a task may ask again, in seconds. */
export const QUEUE_FULL_SECONDS = 60;

/** Why an endpoint gets no further task, for people. */
export function queueIsFull(queued: number): string {
  return `its endpoint has ${queued} tasks waiting already`;
}

export function effectivePolicy(
  policy: MitigationPolicy,
  maxQueuedTasks: number = DEFAULT_MAX_QUEUED_TASKS,
): EffectivePolicy {
  const { minSeverity, kinds } = policy.openTaskFrom;
  return {
    assessFirst: policy.cleanup === 'assess-first',
    minSeverity: minSeverity === 99 ? 0 : minSeverity,
    ...(kinds === undefined ? {} : { kinds: new Set<string>(kinds) }),
    reopenAfterSeconds: policy.reopenAfter,
    clocks: policy.clocks,
    maxQueuedTasks,
  };
}

/** The policy before anybody set one; `clocks` are the installation's own settings where it has any. */
export function defaultPolicy(clocks: Partial<ClockSettings> = {}): MitigationPolicy {
  return mitigationPolicy.parse({ clocks });
}
