import { type MitigationException, matchException } from '@quell/contracts/exception-match';
import type { MitigationExceptionRecord } from '@quell/contracts/mitigation-exception';
import type { StatusCode } from '@quell/contracts/task-status';
import type { Severity } from '@quell/contracts/vocabulary';
import type { CountedThreat, PostureSettings, UnresolvedThreat } from '@quell/contracts/vpn-posture';
import type { ThreatTask } from './task-posture.ts';

/** Most threats that an answer names as its cause. */
export const MOST_NAMED = 20;

/** Statuses 7 and 9: an exception that covers the endpoint says that the threat is meant to be there. */
export function isReleasedByException(status: StatusCode): boolean {
  return status === 'rollback-successful' || status === 'mitigation-exception';
}

/** The exceptions of which something is in force at `now` (RFC 3339), in the order in which mitigation looks at them: by id, as made. */
export function exceptionsAt(records: Iterable<MitigationExceptionRecord>, now: string): MitigationException[] {
  const at = Date.parse(now);
  const isAhead = (time: string | undefined) => time === undefined || Date.parse(time) > at;
  return [...records]
    .filter(({ deletedAt, expiresAt }) => deletedAt === undefined && isAhead(expiresAt))
    .sort((a, b) => (a.id < b.id ? -1 : 1))
    .map(({ id, kind, value, suspendedFor }) => ({
      id,
      kind,
      value,
      suspendedFor: suspendedFor.filter(({ until }) => isAhead(until)).map(({ endpointId }) => endpointId),
    }));
}

/** What stands unresolved of these threats, each with its newest task: the worst first, then the longest standing. */
export function unresolvedThreats(
  threats: Iterable<ThreatTask>,
  exceptions: readonly MitigationException[],
): UnresolvedThreat[] {
  const all: UnresolvedThreat[] = [];
  for (const { threatKey, task } of threats) {
    const { taskId, status, severity, since, acknowledged, endpoint } = task;
    if (since === undefined) continue;
    const exception = isReleasedByException(status) ? matchException(endpoint, exceptions) : undefined;
    all.push({
      taskId,
      threatKey,
      status,
      severity,
      since,
      acknowledged,
      ...(exception === undefined ? {} : { exception }),
    });
  }
  return all.sort(
    (a, b) =>
      rankOf(b.severity) - rankOf(a.severity) ||
      Date.parse(a.since) - Date.parse(b.since) ||
      (`${a.taskId}${a.threatKey}` < `${b.taskId}${b.threatKey}` ? -1 : 1),
  );
}

/**
 * All that any policy can make of these threats, the worst first, however many they are: of those that every policy counts, or none does, the
 * first that an answer would name, and of the others how many.
 */
export function countedThreats(unresolved: readonly UnresolvedThreat[]): CountedThreat[] {
  // Without Map.groupBy: what is pure here also runs on Node 20, which has none.
  const alike = new Map<string, UnresolvedThreat[]>();
  for (const threat of unresolved) {
    const { status, severity, acknowledged, exception } = threat;
    const kind = [status, severity, acknowledged, exception !== undefined].join();
    const others = alike.get(kind);
    if (others === undefined) alike.set(kind, [threat]);
    else others.push(threat);
  }
  const listed = new Map<UnresolvedThreat, number>();
  for (const threats of alike.values()) {
    const named = threats.slice(0, MOST_NAMED);
    for (const one of named) listed.set(one, 0);
    listed.set(named.at(-1)!, threats.length - named.length);
  }
  return unresolved.flatMap((threat) => {
    const more = listed.get(threat);
    if (more === undefined) return [];
    return [more === 0 ? threat : { ...threat, alike: more }];
  });
}

/** The threats that count under a policy. Source: issue 5, Posture. */
export function countingThreats<Threat extends UnresolvedThreat>(
  settings: Omit<PostureSettings, 'action'>,
  unresolved: readonly Threat[],
): Threat[] {
  return unresolved.filter(
    ({ status, severity, acknowledged, exception }) =>
      (settings.statuses as readonly string[]).includes(status) &&
      rankOf(severity) >= rankOf(settings.minSeverity) &&
      !(settings.acknowledgedRelease && acknowledged) &&
      !(settings.exceptionsRelease && exception !== undefined),
  );
}

function rankOf(severity: Severity): number {
  return severity === 99 ? 0 : severity;
}
