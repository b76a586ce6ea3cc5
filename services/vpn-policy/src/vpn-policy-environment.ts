import { flag, serviceEnvironment } from '@quell/service-kit/config';
import { z } from 'zod';

/** What the VPN policy service reads from its environment. */
export const vpnPolicyEnvironment = serviceEnvironment.extend({
  /** The part of decisions that the log keeps, 0 to 1; those that change what a device was told before are kept always. */
  QUELL_VPN_DECISION_SAMPLE: z.coerce.number().min(0).max(1).default(1),
  /** Whether the log keeps decisions by a policy that the caller sends along, too. */
  QUELL_VPN_DECISION_STATELESS: flag,
  /** Published decisions are forgotten after so many days. */
  QUELL_VPN_DECISION_DAYS: z.coerce.number().positive().max(3650).default(30),
  /** `durable`: an answer whose decision is kept waits until it is written; `buffered`: a killed process loses what waits in memory. */
  QUELL_VPN_DECISION_LOG: z.enum(['durable', 'buffered']).default('durable'),
  /** So many decisions, and megabytes of their inputs, may wait to be written; more are lost, which the log and a metric tell. */
  QUELL_VPN_DECISIONS_WAITING: z.coerce.number().int().min(1).default(20_000),
  QUELL_VPN_DECISIONS_WAITING_MB: z.coerce.number().int().min(2).max(4096).default(64),
  /** Threads for lint, diff, import and export, which a large policy takes seconds. */
  QUELL_VPN_ANALYSIS_THREADS: z.coerce.number().int().min(1).max(64).default(1),
  /** After so long one of these is given up. */
  QUELL_VPN_ANALYSIS_SECONDS: z.coerce.number().positive().max(600).default(30),
});
export type VpnPolicyEnvironment = z.infer<typeof vpnPolicyEnvironment>;

const ANALYSES_WAITING = 32;

export function analysisOf(config: VpnPolicyEnvironment) {
  return {
    threads: config.QUELL_VPN_ANALYSIS_THREADS,
    seconds: config.QUELL_VPN_ANALYSIS_SECONDS,
    waiting: ANALYSES_WAITING,
  };
}
