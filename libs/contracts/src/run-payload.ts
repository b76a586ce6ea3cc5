import { z } from 'zod';
import { backupKind, MAX_LISTED } from './run-result.ts';
import { path, sha256, text, threatKind, url } from './vocabulary.ts';

/** One thing a run has to deal with. `id` is the threat's id in results. */
export const target = z.strictObject({
  id: text(128).min(1),
  kind: threatKind,
  path: path.optional(),
  sha256: sha256.optional(),
  name: text(512).min(1).optional(),
});
export type Target = z.infer<typeof target>;

/** One backed-up item that a rollback run has to restore. `id` is the backup's id. */
export const restoreItem = z.strictObject({
  id: text(128).min(1),
  threatId: text(128).min(1),
  kind: backupKind,
  path: path.optional(),
});
export type RestoreItem = z.infer<typeof restoreItem>;

/** What a run is told to do. `targets` and `paths` both empty: scan the agent's roots. */
export const runPayload = z.strictObject({
  targets: z.array(target).max(MAX_LISTED).default([]),
  /** Folders or files to scan, inside the agent's roots. */
  paths: z.array(path).max(1000).optional(),
  /** Digests of custom patterns the run needs. */
  patterns: z.array(sha256).max(1000).default([]),
  /** Whether the endpoint's user is asked which threats to resolve (on-demand scans by the user). */
  choose: z.boolean().default(false),
  promptTimeoutSeconds: z.int().min(1).max(86_400).default(300),
  scanQueryUrl: url.optional(),
  items: z.array(restoreItem).max(MAX_LISTED).optional(),
});
export type RunPayload = z.infer<typeof runPayload>;
