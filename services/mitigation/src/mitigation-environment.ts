import { serviceEnvironment } from '@quell/service-kit/config';
import { z } from 'zod';
import { defaultOutages, type OutageSettings } from './clocks/outages.ts';
import { DEFAULT_MAX_QUEUED_TASKS } from './policy/policy.ts';
import type { ClockSettings } from './task/settings.ts';

const seconds = z.coerce.number().positive();

/** What mitigation reads from its environment. The clocks are those of the policy until somebody sets one. */
export const mitigationEnvironment = serviceEnvironment.extend({
  /** How long a check-in without work is held open. */
  QUELL_POLL_HOLD_SECONDS: z.coerce.number().min(0).max(55).default(50),
  /** What agents are told to wait between two check-ins. */
  QUELL_POLL_PAUSE_SECONDS: z.coerce.number().min(0).max(3600).default(1),
  QUELL_QUEUE_SECONDS: seconds.optional(),
  QUELL_TOTAL_WAIT_SECONDS: seconds.optional(),
  QUELL_TARGETED_RUN_SECONDS: seconds.optional(),
  QUELL_SCAN_RUN_SECONDS: seconds.optional(),
  QUELL_LEASE_SECONDS: seconds.optional(),
  QUELL_UNRESPONSIVE_SECONDS: seconds.optional(),
  QUELL_PROBE_SECONDS: seconds.optional(),
  /** With so many tasks waiting for hand-out an endpoint gets no further one. */
  QUELL_MAX_QUEUED_TASKS: z.coerce.number().int().min(1).default(DEFAULT_MAX_QUEUED_TASKS),
  /** Check-ins that are worked on at once, each with a connection of its own; held ones need none. */
  QUELL_CHECK_INS_AT_ONCE: z.coerce.number().int().min(1).default(5),
  /** So many more may wait for their turn; others get 503 and come again. */
  QUELL_CHECK_INS_WAITING: z.coerce.number().int().min(0).default(500),
  /** How often the last contact of an agent travels on `agents.v1` at most. */
  QUELL_LAST_SEEN_SAMPLE_SECONDS: seconds.default(300),
  /** Pause between two looks at the clocks. */
  QUELL_SWEEP_SECONDS: seconds.default(5),
  /** No replica alive for so long is an outage: every clock is moved by it. */
  QUELL_OUTAGE_GAP_SECONDS: seconds.default(defaultOutages.gapSeconds),
  /** After an outage no end is inferred for so long. */
  QUELL_OUTAGE_GRACE_SECONDS: seconds.default(defaultOutages.graceSeconds),
});
export type MitigationEnvironment = z.infer<typeof mitigationEnvironment>;

/** The clocks that the environment sets; the others keep their defaults. */
export function clocksOf(config: MitigationEnvironment): Partial<ClockSettings> {
  const clocks = {
    queueSeconds: config.QUELL_QUEUE_SECONDS,
    totalWaitSeconds: config.QUELL_TOTAL_WAIT_SECONDS,
    targetedRunSeconds: config.QUELL_TARGETED_RUN_SECONDS,
    scanRunSeconds: config.QUELL_SCAN_RUN_SECONDS,
    leaseSeconds: config.QUELL_LEASE_SECONDS,
    unresponsiveSeconds: config.QUELL_UNRESPONSIVE_SECONDS,
    probeSeconds: config.QUELL_PROBE_SECONDS,
  };
  return Object.fromEntries(Object.entries(clocks).filter(([, value]) => value !== undefined));
}

export function outagesOf(config: MitigationEnvironment): OutageSettings {
  return {
    ...defaultOutages,
    gapSeconds: config.QUELL_OUTAGE_GAP_SECONDS,
    graceSeconds: config.QUELL_OUTAGE_GRACE_SECONDS,
  };
}
