import { diffPolicies } from '../diff/diff-policies.ts';
import { exportFile } from '../formats/export-file.ts';
import { importFile } from '../formats/import-file.ts';
import { lintPolicy } from '../lint/lint-policy.ts';

/** What may take seconds of one core for a large policy, and therefore runs in a thread. */
export const tasks = { lint: lintPolicy, diff: diffPolicies, import: importFile, export: exportFile };
export type Tasks = typeof tasks;

/** What a thread is given, and what it gives back. */
export interface TaskRequest {
  readonly task: keyof Tasks;
  readonly args: readonly unknown[];
}
export type TaskAnswer = { readonly result: unknown } | { readonly error: unknown };
