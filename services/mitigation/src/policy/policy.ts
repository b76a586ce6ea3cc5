import { severity, threatKind } from '@quell/contracts/vocabulary';
import { z } from 'zod';
import { type ClockSettings, defaultClocks } from '../task/settings.ts';

const seconds = z.number().positive().max(31_536_000);

/** The clocks an operator may set; what is absent keeps the installation's own setting. */
const clockOverrides = z.strictObject({
  queueSeconds: seconds.optional(),
  totalWaitSeconds: seconds.optional(),
  targetedRunSeconds: seconds.optional(),
  scanRunSeconds: seconds.optional(),
  leaseSeconds: seconds.optional(),
  unresponsiveSeconds: seconds.optional(),
  probeSeconds: seconds.optional(),
});

/** `PUT /v1/mitigation-policy`: how detections become tasks. */
export const mitigationPolicy = z.strictObject({
  /** `automatic` cleans at once; `assess-first` only looks and waits for Run Cleanup. */
  mode: z.enum(['automatic', 'assess-first']).default('automatic'),
  /** Detections below it are recorded without a task. 99 ("other") counts as unknown. */
  openTaskFrom: z
    .strictObject({
      minSeverity: severity.default(0),
      /** Threat kinds that open tasks; absent: all. */
      kinds: z.array(threatKind).optional(),
    })
    .default({ minSeverity: 0 }),
  /** How long an ended, action-required task still takes repeats of its threat, in seconds. */
  reopenAfterSeconds: seconds.default(86_400),
  clocks: clockOverrides.default({}),
  /** Whether a new agent is scanned once after its installation. */
  postInstallationScan: z.boolean().default(true),
});
export type MitigationPolicy = z.infer<typeof mitigationPolicy>;

/** A policy with every setting resolved. */
export interface EffectivePolicy {
  readonly assessFirst: boolean;
  readonly minSeverity: number;
  readonly kinds?: ReadonlySet<string>;
  readonly reopenAfterSeconds: number;
  readonly clocks: ClockSettings;
  readonly postInstallationScan: boolean;
}

/** A policy over the installation's clocks. */
export function effectivePolicy(policy: MitigationPolicy, clocks: ClockSettings = defaultClocks): EffectivePolicy {
  const set = Object.fromEntries(Object.entries(policy.clocks).filter(([, value]) => value !== undefined));
  return {
    assessFirst: policy.mode === 'assess-first',
    minSeverity: policy.openTaskFrom.minSeverity,
    ...(policy.openTaskFrom.kinds === undefined ? {} : { kinds: new Set(policy.openTaskFrom.kinds) }),
    reopenAfterSeconds: policy.reopenAfterSeconds,
    clocks: { ...clocks, ...set },
    postInstallationScan: policy.postInstallationScan,
  };
}
