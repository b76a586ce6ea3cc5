import { z } from 'zod';
import { severity, threatKind } from './vocabulary.ts';

const seconds = (maximum: number) => z.number().positive().max(maximum);

/** The clocks of a task in seconds, and what each limits. Source of the defaults: agent-protocol.md, "Clocks, never one". */
export const policyClocks = z.strictObject({
  queueSeconds: seconds(604_800).default(3600).describe('Due for hand-out and no contact with its agent.'),
  totalWaitSeconds: seconds(2_592_000).default(86_400).describe('From the request to the first acceptance of the run.'),
  targetedRunSeconds: seconds(604_800).default(600).describe('From acceptance to result, for runs with named targets.'),
  scanRunSeconds: seconds(604_800).default(14_400).describe('From acceptance to result, for scans.'),
  leaseSeconds: seconds(3600)
    .default(90)
    .describe('A lease without a sign of life for so long is lost, which is never final.'),
  unresponsiveSeconds: seconds(86_400)
    .default(300)
    .describe('An agent silent for so long is asked about its run at its next contact.'),
  probeSeconds: seconds(86_400).default(600).describe('What a silent scan gets on top, to answer that.'),
});

/** What the server does by itself with detections and tasks (`GET`, `PUT /v1/mitigation-policy`). */
export const mitigationPolicy = z.strictObject({
  /** `assess-first`: threat mitigation looks first and waits for Run Cleanup. */
  cleanup: z.enum(['automatic', 'assess-first']).default('automatic'),
  /** Which detections open a task; the others are recorded. */
  openTaskFrom: z
    .strictObject({
      minSeverity: severity.default(0),
      /** Absent: every kind of threat. */
      kinds: z.array(threatKind).optional(),
    })
    .prefault({}),
  /** For how many seconds an ended task that requires an action still takes repeats. */
  reopenAfter: z.number().min(0).max(31_536_000).default(86_400),
  clocks: policyClocks.prefault({}),
});
export type MitigationPolicy = z.infer<typeof mitigationPolicy>;
