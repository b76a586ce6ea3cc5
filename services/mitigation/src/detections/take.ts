import type { NormalisedDetection } from '@quell/contracts/detection';
import { threatKeyOf } from '@quell/contracts/detection-identity';
import type { TaskEndpoint } from '@quell/contracts/task-endpoint';
import type { Severity } from '@quell/contracts/vocabulary';
import { uuidArray } from '@quell/event-store/array-parameters';
import { storedEventIds } from '@quell/event-store/load';
import type { ClientBase } from 'pg';
import { SCHEMA } from '../database/schema.ts';
import { keepDeviceEndpoints } from '../endpoints/device-endpoint.ts';
import type { EndpointMatch } from '../endpoints/match.ts';
import { matchEndpoints } from '../endpoints/match-endpoints.ts';
import { loadExceptions } from '../exceptions/load.ts';
import type { EffectivePolicy } from '../policy/policy.ts';
import { TaskConflict } from '../task-store/conflict.ts';
import { countQueued } from '../task-store/queued.ts';
import { followSeverities } from '../task-store/rows.ts';
import { type Envelope, eventIdOf } from '../task-store/stream.ts';
import { commitTasks, type TaskChange } from '../task-store/task-store.ts';
import { type DecidedDetection, decideDetections, type KnownDetection, keyOf } from './decide.ts';
import { type Holder, loadHolders, loadKnown, REMEMBERED_EVENTS, saveDetections } from './rows.ts';
import { beginTaking } from './unresolved-barrier.ts';

/** What taking a batch led to: the endpoints that have new work, to be woken after COMMIT. */
export interface Taken {
  readonly decided: readonly DecidedDetection[];
  readonly endpointIds: readonly string[];
}

/** Detections that are taken from their own rows: those that are still unresolved stay as they are. */
export interface DecidedAgain {
  /** By detection: the `event_ids` of the row that its content was read from. */
  readonly eventIds: ReadonlyMap<string, readonly string[]>;
}

/**
 * Takes detections in order, all or none: reads what is known, decides, appends to every task in one call, then writes the rows beside
 * it. Has to run before any other write of its transaction.
 *
 * @throws TaskConflict or a unique violation when another consumer was faster: run it again in a new transaction
 */
export async function takeDetections(
  client: ClientBase,
  detections: readonly NormalisedDetection[],
  policy: EffectivePolicy,
  again?: DecidedAgain,
): Promise<Taken> {
  await beginTaking(client);
  const known = await loadKnown(
    client,
    detections.map(({ detectionId }) => detectionId),
  );
  if (again !== undefined) requireUnchanged(known, again);
  const matches = await matchEndpoints(
    client,
    detections.map(({ endpoint, detectedAt }) => ({ hint: endpoint, detectedAt })),
  );
  const pairs = new Map<string, { endpointId: string; threatKey: string }>();
  matches.forEach((match, index) => {
    if (match.outcome !== 'matched') return;
    const { endpointId, platform } = match.endpoint;
    const threatKey = threatKeyOf(detections[index]!.threat, platform);
    pairs.set(keyOf(endpointId, threatKey), { endpointId, threatKey });
  });
  const holders = await loadHolders(client, [...pairs.values()]);
  const holdersByKey = new Map(holders.map((holder) => [keyOf(holder.endpointId, holder.threatKey), holder.taskId]));
  const unheld = [...pairs].flatMap(([key, { endpointId }]) => (holdersByKey.has(key) ? [] : [endpointId]));
  const queued = await countQueued(client, unheld);
  const exceptions = await loadExceptions(client);
  const all = decideDetections(detections, {
    matches,
    known: await withForgotten(client, known, detections),
    holders: holdersByKey,
    queued,
    policy,
    exceptions,
  });
  const decided = again === undefined ? all : all.filter(({ disposition }) => disposition.kind !== 'unresolved');
  await commitTasks(client, await changesOf(client, decided, holders), policy);
  await keepDeviceEndpoints(client, matchedEndpoints(matches, detections, decided));
  await followSeverities(client, updatedSeverities(decided));
  await saveDetections(client, decided, known);
  return { decided, endpointIds: openedOn(decided) };
}

/** The endpoints that what was decided names from now on. */
function matchedEndpoints(
  matches: readonly EndpointMatch[],
  detections: readonly NormalisedDetection[],
  decided: readonly DecidedDetection[],
): TaskEndpoint[] {
  const named = new Set(
    decided.flatMap(({ detection, disposition }) => ('endpointId' in disposition ? [detection] : [])),
  );
  return matches.flatMap((match, index) =>
    match.outcome === 'matched' && named.has(detections[index]!) ? [match.endpoint] : [],
  );
}

/** What was read before the barrier may be old: an update that was committed since must not be overwritten with what it replaced. */
function requireUnchanged(known: ReadonlyMap<string, KnownDetection>, { eventIds }: DecidedAgain): void {
  for (const [detectionId, now] of known) {
    if (String(now.eventIds) !== String(eventIds.get(detectionId))) {
      throw new TaskConflict(`detection ${detectionId} was updated meanwhile`);
    }
  }
}

/**
 * A row remembers the latest contents only. An older one that comes again would have the event id that it had, which the store refuses
 * for ever: it is looked up there.
 */
async function withForgotten(
  client: ClientBase,
  known: ReadonlyMap<string, KnownDetection>,
  detections: readonly NormalisedDetection[],
): Promise<ReadonlyMap<string, KnownDetection>> {
  const asked = new Map<string, NormalisedDetection>();
  for (const detection of detections) {
    const before = known.get(detection.detectionId);
    if (before?.taskId === undefined || before.eventIds.length < REMEMBERED_EVENTS) continue;
    if (!before.eventIds.includes(detection.eventId)) {
      asked.set(eventIdOf(before.taskId, detection.eventId, 0), detection);
    }
  }
  if (asked.size === 0) return known;
  const all = new Map(known);
  for (const id of await storedEventIds(client, SCHEMA, [...asked.keys()])) {
    const { detectionId, eventId } = asked.get(id)!;
    const before = all.get(detectionId)!;
    all.set(detectionId, { ...before, eventIds: [...before.eventIds, eventId] });
  }
  return all;
}

async function changesOf(
  client: ClientBase,
  decided: readonly DecidedDetection[],
  holders: readonly Holder[],
): Promise<TaskChange[]> {
  const byTask = new Map<string, DecidedDetection[]>();
  const opened = new Set<string>();
  for (const one of decided) {
    if (!('taskId' in one.disposition)) continue;
    const { taskId, kind } = one.disposition;
    if (kind === 'open') opened.add(taskId);
    byTask.set(taskId, [...(byTask.get(taskId) ?? []), one]);
  }
  // Whoever joins a holder joins it as it was when it held: an end in between is a conflict.
  const held = new Map(holders.map(({ taskId, version }) => [taskId, version]));
  const others = [...byTask.keys()].filter((taskId) => !opened.has(taskId) && !held.has(taskId));
  const versions = new Map([...(await streamVersions(client, others)), ...held]);
  return [...byTask].map(([taskId, ones]) => ({
    taskId,
    expectedVersion: versions.get(taskId) ?? 0,
    events: ones.flatMap(({ detection, events }) =>
      events.map((event, index) => ({
        id: eventIdOf(taskId, detection.eventId, index),
        event,
        envelope: envelopeOf(detection),
      })),
    ),
  }));
}

async function streamVersions(client: ClientBase, taskIds: readonly string[]): Promise<Map<string, number>> {
  if (taskIds.length === 0) return new Map();
  const { rows } = await client.query<{ stream_id: string; version: number }>({
    name: 'stream-versions',
    text: 'SELECT stream_id, version FROM mitigation.stream WHERE stream_id = ANY($1::uuid[])',
    values: [uuidArray(taskIds, 'taskId')],
  });
  return new Map(rows.map((row) => [row.stream_id, row.version]));
}

function envelopeOf(detection: NormalisedDetection): Envelope {
  return {
    actor: `source:${detection.source}`,
    correlationId: detection.detectionId,
    causationId: detection.eventId,
    occurredAt: new Date(detection.detectedAt),
  };
}

function updatedSeverities(decided: readonly DecidedDetection[]): Map<string, Severity> {
  return new Map(
    decided.flatMap(({ detection, disposition }) =>
      disposition.kind === 'update' ? [[disposition.taskId, detection.severity] as const] : [],
    ),
  );
}

function openedOn(decided: readonly DecidedDetection[]): string[] {
  const endpoints = decided.flatMap(({ disposition }) => (disposition.kind === 'open' ? [disposition.endpointId] : []));
  return [...new Set(endpoints)];
}
