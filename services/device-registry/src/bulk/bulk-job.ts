import type { DeviceBulkAction, DeviceBulkResult } from '@quell/contracts/device-bulk';
import type { DeviceQuery } from '@quell/contracts/device-query';
import type { JobFailure } from '@quell/contracts/job';
import { compileQuery } from '@quell/device-query/match';
import type { FeedCursor } from '@quell/event-store/feed';
import type { Notifier } from '@quell/event-store/notify';
import { type ChunkOutcome, JobFailed, type JobKind } from '@quell/service-kit/jobs/job-kind';
import type { ClientBase, Pool } from 'pg';
import { type Device, identityOf } from '../device/device.ts';
import { ChunkSizes } from '../device-jobs/chunk-sizes.ts';
import { beShort } from '../device-jobs/short-transaction.ts';
import { changeDevicesIn, type DeviceChange } from '../device-store/change-devices.ts';
import { DeviceConflict, isConflict } from '../device-store/conflict.ts';
import { loadRows } from '../device-store/load.ts';
import { shareMatching } from '../device-store/matching-lock.ts';
import { positionText } from '../device-store/position.ts';
import { prepareAction } from './decide-action.ts';
import { fixTargets, targetsOf } from './targets.ts';

export const BULK = 'device-bulk';

export interface BulkInput {
  readonly query: DeviceQuery;
  readonly action: DeviceBulkAction;
  readonly expectedCount?: number;
}

interface BulkCheckpoint {
  /** Under which the job's devices were kept; absent where a replica older than selections did a chunk of it. */
  readonly selection?: string;
  /** The part of the job's devices that comes next, and how many of it are done. */
  readonly part: number;
  readonly at: number;
  readonly result: DeviceBulkResult;
}

interface BulkParts {
  readonly pool: Pool;
  readonly longReads: Pool;
  readonly feed: Pick<Notifier, 'notify'>;
}

const nothingYet: DeviceBulkResult = { changed: 0, unchanged: 0, skipped: 0 };

/** Does an action to every device that matched when the job started, if it still matches when its turn comes. */
export function bulkJob(parts: BulkParts): JobKind<BulkInput, BulkCheckpoint> {
  const sizes = new ChunkSizes();
  return {
    kind: BULK,
    atOnce: 1,
    mayPass: isConflict,
    async step({ id, input, checkpoint, progress, createdBy, failedTries }, signal) {
      if (checkpoint === undefined) return start(parts, id, input, signal);
      const targets = await targetsOf(parts.pool, id, checkpoint.selection, checkpoint.part);
      const size = sizes.next(id, failedTries);
      const ids = targets.slice(checkpoint.at, checkpoint.at + size);
      const isLastOfPart = checkpoint.at + ids.length >= targets.length;
      const done = progress.done + ids.length >= (progress.total ?? 0);

      return async (client) => {
        const since = performance.now();
        await beShort(client);
        const { counts, failures, position } = await actOn(client, ids, input, id, createdBy);
        const { result } = checkpoint;
        const soFar = {
          ...result,
          changed: result.changed + counts.changed,
          unchanged: result.unchanged + counts.unchanged,
          skipped: result.skipped + counts.skipped,
          ...(position === undefined ? {} : { position: positionText(position) }),
        };
        const next = isLastOfPart
          ? { part: checkpoint.part + 1, at: 0 }
          : { part: checkpoint.part, at: checkpoint.at + ids.length };
        return {
          checkpoint: { ...checkpoint, ...next, result: soFar },
          progress: { ...progress, done: progress.done + ids.length, failed: progress.failed + failures.length },
          failures,
          result: soFar,
          done,
          pauseMilliseconds: sizes.took(id, ids.length, performance.now() - since),
          committed: () => parts.feed.notify(),
        };
      };
    },
  };
}

async function start(
  parts: BulkParts,
  jobId: string,
  { query, expectedCount }: BulkInput,
  signal: AbortSignal,
): Promise<ChunkOutcome<BulkCheckpoint>> {
  const { selection, total } = await fixTargets(parts, jobId, query, signal);
  if (expectedCount !== undefined && total !== expectedCount) {
    throw new JobFailed(`The query means ${total} devices by now, not ${expectedCount}. Nothing was done.`);
  }
  return {
    checkpoint: { selection, part: 0, at: 0, result: nothingYet },
    progress: { done: 0, total, failed: 0 },
    result: nothingYet,
    done: total === 0,
  };
}

/** @throws DeviceConflict when a device moved on meanwhile */
async function actOn(
  client: ClientBase,
  ids: readonly string[],
  { query, action }: BulkInput,
  jobId: string,
  actor: string,
): Promise<{ counts: DeviceBulkResult; failures: JobFailure[]; position?: FeedCursor | undefined }> {
  const verdictOf = prepareAction(action);
  if (typeof verdictOf === 'string') throw new JobFailed(`The template ${verdictOf}.`);
  const isMeant = compileQuery(query);
  await shareMatching(client);
  const known = await loadRows(client, ids);
  const counts = { ...nothingYet };
  const failures: JobFailure[] = [];
  const changes: DeviceChange[] = [];
  for (const id of ids) {
    const device = known.get(id);
    if (device?.state !== 'active' || !isMeant({ ...device, ...identityOf(device) })) {
      counts.skipped++;
      continue;
    }
    const verdict = verdictOf(device);
    if (verdict.kind === 'failed') failures.push({ id, detail: verdict.detail });
    else counts[verdict.kind]++;
    if (verdict.kind === 'changed') changes.push(changeOf(device, verdict.command, jobId));
  }
  if (changes.length === 0) return { counts, failures };
  const envelope = { actor, correlationId: jobId, occurredAt: new Date() };
  const { outcomes, position } = await changeDevicesIn(client, changes, envelope, { read: 'rows' });
  if (outcomes.some(({ ok }) => !ok)) throw new DeviceConflict('a device moved on', []);
  return { counts, failures, position };
}

function changeOf(device: Device, command: DeviceChange['command'], jobId: string): DeviceChange {
  return { deviceId: device.id, command, causeId: jobId, ifVersion: [device.version] };
}
