import { statusEntry } from '@quell/contracts/status-catalogue';
import type { Task } from '../task/task.ts';

/** Whether a task takes further detections of its threat on its endpoint: it holds the key, until a time or for good. */
export type Hold = { readonly held: false } | { readonly held: true; readonly until?: string };

/**
 * Threat mitigation and user-initiated events hold their key from opening until a status 2–7, a rollback request, or `reopenAfter`
 * after an action-required end. Status 8 waits for Run Cleanup and counts as open. Source: statuses.md, "Which task takes a detection".
 */
export function holdOf(task: Task, reopenAfterSeconds: number): Hold {
  if (task.run.mode === 'rollback') return { held: false };
  const { code } = task.status;
  if (code === 'mitigation-in-progress' || code === 'manual-cleanup-needed') return { held: true };
  if (!statusEntry(code).actionRequired) return { held: false };
  const endedAt = Date.parse(task.run.endedAt ?? task.updatedAt);
  return { held: true, until: new Date(endedAt + reopenAfterSeconds * 1000).toISOString() };
}
