import type { NormalisedDetection } from '@quell/contracts/detection';
import { threatKeyOf } from '@quell/contracts/detection-identity';
import { type MitigationException, matchException } from '@quell/contracts/exception-match';
import type { Target } from '@quell/contracts/run-payload';
import type { TaskEndpoint } from '@quell/contracts/task-endpoint';
import type { TakenDetection, TaskEvent } from '@quell/contracts/task-events';
import { uuidv5 } from '@quell/contracts/uuidv5';
import type { EndpointMatch } from '../endpoints/match.ts';
import { type EffectivePolicy, queueIsFull } from '../policy/policy.ts';
import { openTask } from '../task/opening.ts';
import { deciding } from '../task/undecidable.ts';

/** A detection that was taken before. */
export interface KnownDetection {
  readonly eventIds: readonly string[];
  /** `dead-letter`: it could not be taken as it came. Fixed and sent again it is decided like a new one. */
  readonly disposition: 'task' | 'recorded' | 'unresolved' | 'dead-letter';
  readonly taskId?: string;
}

/** Where one detection goes. `known` is what the row beside it said before: the old value of its compare-and-set. */
export type Disposition =
  | { readonly kind: 'duplicate' }
  | { readonly kind: 'update'; readonly taskId: string }
  | { readonly kind: 'attach'; readonly taskId: string; readonly endpointId: string }
  | { readonly kind: 'open'; readonly taskId: string; readonly endpointId: string; readonly threatKey: string }
  | { readonly kind: 'recorded'; readonly endpointId?: string; readonly reason: string }
  | { readonly kind: 'unresolved'; readonly candidates: readonly TaskEndpoint[]; readonly reason: string };

export interface DecidedDetection {
  readonly detection: NormalisedDetection;
  readonly disposition: Disposition;
  /** Events for the task named by the disposition, in order. */
  readonly events: readonly TaskEvent[];
}

export interface DetectionFacts {
  readonly matches: readonly EndpointMatch[];
  readonly known: ReadonlyMap<string, KnownDetection>;
  /** Tasks that hold a key, by {@link keyOf}. Expired holds are left out by the reader. */
  readonly holders: ReadonlyMap<string, string>;
  /** Tasks that wait for hand-out, by endpoint; absent: none. */
  readonly queued: ReadonlyMap<string, number>;
  readonly policy: EffectivePolicy;
  readonly exceptions: readonly MitigationException[];
}

export function keyOf(endpointId: string, threatKey: string): string {
  return `${endpointId}|${threatKey}`;
}

/**
 * Decides a batch of detections in order. `facts.matches` is aligned with `detections`. Pure: a replay decides the same, and a
 * detection sees what the ones before it in the batch did. Source: statuses.md, "Which task takes a detection".
 *
 * @throws Undecidable when it fails on one of them
 */
export function decideDetections(
  detections: readonly NormalisedDetection[],
  facts: DetectionFacts,
): DecidedDetection[] {
  const known = new Map(facts.known);
  const holders = new Map(facts.holders);
  const queued = new Map(facts.queued);
  return detections.map((detection, index) => {
    const match = facts.matches[index] ?? { outcome: 'unknown' };
    const decided = deciding(() =>
      decideOne(detection, match, known.get(detection.detectionId), holders, queued, facts),
    );
    const { disposition } = decided;
    if (disposition.kind === 'duplicate') return decided;
    if (disposition.kind === 'open') {
      const { endpointId, threatKey, taskId } = disposition;
      holders.set(keyOf(endpointId, threatKey), taskId);
      queued.set(endpointId, (queued.get(endpointId) ?? 0) + 1);
    }
    known.set(detection.detectionId, remembered(detection, disposition, known.get(detection.detectionId)));
    return decided;
  });
}

function decideOne(
  detection: NormalisedDetection,
  match: EndpointMatch,
  before: KnownDetection | undefined,
  holders: ReadonlyMap<string, string>,
  queued: ReadonlyMap<string, number>,
  { policy, exceptions }: DetectionFacts,
): DecidedDetection {
  if (before?.eventIds.includes(detection.eventId))
    return { detection, disposition: { kind: 'duplicate' }, events: [] };
  const taken = takenOf(detection);
  if (before?.taskId !== undefined) {
    const events: TaskEvent[] = [{ type: 'DetectionUpdated', data: { detection: taken } }];
    return { detection, disposition: { kind: 'update', taskId: before.taskId }, events };
  }
  const without = (disposition: Disposition) => ({ detection, disposition, events: [] });
  if (match.outcome === 'unknown') {
    return without({ kind: 'unresolved', candidates: [], reason: 'no known endpoint fits its hints' });
  }
  if (match.outcome === 'ambiguous') {
    return without({
      kind: 'unresolved',
      candidates: match.candidates,
      reason: match.reason,
    });
  }
  const { endpoint } = match;
  const { endpointId } = endpoint;
  const below = belowPolicy(detection, policy);
  if (below !== undefined) return without({ kind: 'recorded', endpointId, reason: below });
  const threatKey = threatKeyOf(detection.threat, endpoint.platform);
  const holder = holders.get(keyOf(endpointId, threatKey));
  if (holder !== undefined) {
    const events: TaskEvent[] = [{ type: 'DetectionAttached', data: { detection: taken } }];
    return { detection, disposition: { kind: 'attach', taskId: holder, endpointId }, events };
  }
  const waiting = queued.get(endpointId) ?? 0;
  if (waiting >= policy.maxQueuedTasks) {
    return without({ kind: 'recorded', endpointId, reason: queueIsFull(waiting) });
  }
  const taskId = taskIdOf(detection.eventId);
  const events = openTask(
    {
      kind: 'threat-mitigation',
      initiator: 'source',
      severity: detection.severity,
      endpoint,
      payload: {
        targets: targetsOf(taskId, detection, threatKey),
        patterns: [],
        choose: false,
        promptTimeoutSeconds: 300,
      },
      threatKey,
      detection: taken,
    },
    policy,
    matchException(endpoint, exceptions),
  );
  return { detection, disposition: { kind: 'open', taskId, endpointId, threatKey }, events };
}

/** The task a detection opens has an id that follows from the detection's event, so that a replay opens the same one. */
export function taskIdOf(eventId: string): string {
  return uuidv5('task', eventId);
}

/** A detection that names a path or a hash gives the run a target; without either the agent scans its roots. */
function targetsOf(taskId: string, { threat }: NormalisedDetection, threatKey: string): Target[] {
  if (threat.path === undefined && threat.sha256 === undefined) return [];
  return [
    {
      id: uuidv5(threatKey, taskId),
      kind: threat.kind ?? 'file',
      name: threat.name,
      ...(threat.path === undefined ? {} : { path: threat.path }),
      ...(threat.sha256 === undefined ? {} : { sha256: threat.sha256 }),
    },
  ];
}

function belowPolicy({ severity, threat }: NormalisedDetection, policy: EffectivePolicy): string | undefined {
  const rank = severity === 99 ? 0 : severity;
  if (rank < policy.minSeverity) return `its severity ${severity} is below the policy's ${policy.minSeverity}`;
  const kind = threat.kind ?? 'file';
  if (policy.kinds !== undefined && !policy.kinds.has(kind))
    return `the policy opens no tasks for threats of kind ${kind}`;
  return undefined;
}

function takenOf(detection: NormalisedDetection): TakenDetection {
  const { detectionId, eventId, source, sourceId, detectedAt, severity, threat, actionTaken } = detection;
  return {
    detectionId,
    eventId,
    source,
    sourceId,
    detectedAt,
    severity,
    threat,
    ...(actionTaken === undefined ? {} : { actionTaken }),
  };
}

function remembered(
  { eventId }: NormalisedDetection,
  disposition: Exclude<Disposition, { kind: 'duplicate' }>,
  before: KnownDetection | undefined,
): KnownDetection {
  const eventIds = [...(before?.eventIds ?? []), eventId];
  return 'taskId' in disposition
    ? { eventIds, disposition: 'task', taskId: disposition.taskId }
    : { eventIds, disposition: disposition.kind };
}
