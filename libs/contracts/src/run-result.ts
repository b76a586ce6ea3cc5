import { z } from 'zod';
import { path, sha256, text } from './vocabulary.ts';

/** What became of one threat in a run. */
export const threatOutcome = z.enum([
  'found',
  'resolved',
  'handled-by-security-software',
  'gone',
  'confirmed-safe',
  'failed',
  'left-by-user',
]);
export type ThreatOutcome = z.infer<typeof threatOutcome>;

/** Outcomes after which nothing is left to do for a threat. */
export const goodOutcomes: ReadonlySet<ThreatOutcome> = new Set<ThreatOutcome>([
  'resolved',
  'handled-by-security-software',
  'gone',
  'confirmed-safe',
]);

/** How a run ended, in the agent's words. */
export const runOutcome = z.enum([
  'finished',
  'assessed',
  'stopped',
  'platform-not-supported',
  'component-restart-required',
  'component-error',
  'configuration-corrupted',
  'pattern-not-found',
  'scan-query-unsendable',
  'rolled-back',
  'rollback-failed',
]);
export type RunOutcome = z.infer<typeof runOutcome>;

export const reportedThreat = z.strictObject({
  id: text(128).min(1),
  name: text(512).min(1),
  path: path.optional(),
  sha256: sha256.optional(),
  outcome: threatOutcome,
  by: text(256).optional(),
  action: text(256).optional(),
  error: text(1024).optional(),
});
export type ReportedThreat = z.infer<typeof reportedThreat>;

export const backupKind = z.enum(['file', 'registry-key', 'service']);

/** Something a mitigation changed and can put back. */
export const backup = z.strictObject({
  id: text(128).min(1),
  threatId: text(128).min(1),
  kind: backupKind,
  path: path.optional(),
});
export type Backup = z.infer<typeof backup>;

/** One item of a rollback: `id` is the backup's id. */
export const rollbackItem = z.strictObject({
  id: text(128).min(1),
  restored: z.boolean(),
  reason: z.enum(['backup-missing', 'backup-corrupted', 'not-reported', 'other']).optional(),
  detail: text(1024).optional(),
});
export type RollbackItem = z.infer<typeof rollbackItem>;

export const agentComponent = z.strictObject({
  name: text(256).min(1),
  version: text(128).optional(),
  error: text(1024).optional(),
});

/** Most threats, backups and items that one result lists, and most targets and items that one run is handed. */
export const MAX_LISTED = 10_000;

/** `data` of a `result` event. What is legal for which kind and mode is decided by the task, not by this shape. */
export const runResult = z.strictObject({
  outcome: runOutcome,
  threats: z.array(reportedThreat).max(MAX_LISTED).optional(),
  unlistedThreats: z
    .int()
    .min(1)
    .optional()
    .describe('How many more threats the run dealt with than `threats` has room for: a result is at most 6 MiB long.'),
  bypassedFiles: z.int().min(0).optional(),
  component: agentComponent.optional(),
  configurationFile: text(4096).optional(),
  patternId: text(256).optional(),
  backups: z.array(backup).max(MAX_LISTED).optional(),
  items: z.array(rollbackItem).max(MAX_LISTED).optional(),
});
export type RunResult = z.infer<typeof runResult>;
