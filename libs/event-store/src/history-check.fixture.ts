import type { StoredEvent } from './event.ts';

type Seen = Pick<StoredEvent, 'id' | 'streamId' | 'version'>;

/**
 * What is wrong with the events that a reader saw, given all that were committed; empty when each came once and each stream in order
 * without a hole.
 */
export function problemsOf(seen: readonly Seen[], committed: readonly Seen[]): string[] {
  const problems: string[] = [];
  const counts = new Map<string, number>();
  const lastVersion = new Map<string, number>();
  for (const { id, streamId, version } of seen) {
    counts.set(id, (counts.get(id) ?? 0) + 1);
    const last = lastVersion.get(streamId) ?? 0;
    if (version !== last + 1) problems.push(`${streamId}: version ${version} came after ${last}`);
    lastVersion.set(streamId, Math.max(last, version));
  }
  for (const { id, streamId, version } of committed) {
    const count = counts.get(id) ?? 0;
    if (count !== 1) problems.push(`${streamId}: version ${version} was seen ${count} times`);
    counts.delete(id);
  }
  for (const id of counts.keys()) problems.push(`${id} was seen but not committed`);
  return problems;
}
