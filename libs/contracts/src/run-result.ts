import { z } from 'zod';
import { sha256 } from './vocabulary.ts';

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
  id: z.string().min(1).max(128),
  name: z.string().min(1).max(512),
  path: z.string().min(1).max(4096).optional(),
  sha256: sha256.optional(),
  outcome: threatOutcome,
  by: z.string().max(256).optional(),
  action: z.string().max(256).optional(),
  error: z.string().max(1024).optional(),
});
export type ReportedThreat = z.infer<typeof reportedThreat>;

export const backupKind = z.enum(['file', 'registry-key', 'service']);

/** Something a mitigation changed and can put back. */
export const backup = z.strictObject({
  id: z.string().min(1).max(128),
  threatId: z.string().min(1).max(128),
  kind: backupKind,
  path: z.string().min(1).max(4096).optional(),
});
export type Backup = z.infer<typeof backup>;

/** One item of a rollback: `id` is the backup's id. */
export const rollbackItem = z.strictObject({
  id: z.string().min(1).max(128),
  restored: z.boolean(),
  reason: z.enum(['backup-missing', 'backup-corrupted', 'not-reported', 'other']).optional(),
  detail: z.string().max(1024).optional(),
});
export type RollbackItem = z.infer<typeof rollbackItem>;

export const agentComponent = z.strictObject({
  name: z.string().min(1).max(256),
  version: z.string().max(128).optional(),
  error: z.string().max(1024).optional(),
});

/** `data` of a `result` event. What is legal for which kind and mode is decided by the task, not by this shape. */
export const runResult = z.strictObject({
  outcome: runOutcome,
  threats: z.array(reportedThreat).max(10_000).optional(),
  bypassedFiles: z.int().min(0).optional(),
  component: agentComponent.optional(),
  configurationFile: z.string().max(4096).optional(),
  patternId: z.string().max(256).optional(),
  backups: z.array(backup).max(10_000).optional(),
  items: z.array(rollbackItem).max(10_000).optional(),
});
export type RunResult = z.infer<typeof runResult>;
