import type { DeviceImportQuery, DeviceImportResult } from '@quell/contracts/device-import';
import type { Notifier } from '@quell/event-store/notify';
import { JobFailed, type JobKind } from '@quell/service-kit/jobs/job-kind';
import type { Pool } from 'pg';
import { ChunkSizes } from '../device-jobs/chunk-sizes.ts';
import { beShort } from '../device-jobs/short-transaction.ts';
import { isConflict } from '../device-store/conflict.ts';
import { positionText } from '../device-store/position.ts';
import { emptyResult } from './differences.ts';
import { type Reading, readLines } from './read-lines.ts';
import type { SourceRecord } from './records.ts';
import { earlierLines, rememberLines, staged, unstage } from './staging.ts';
import { takeLines } from './take-lines.ts';

export const IMPORT = 'device-import';

/** What is asked of an import job. Its upload is staged under its id. */
export type ImportInput = Reading & Pick<DeviceImportQuery, 'dryRun' | 'mode'>;

interface ImportCheckpoint {
  /** The part of the upload that comes next, and how many of its records are done. */
  readonly part: number;
  readonly at: number;
  readonly result: DeviceImportResult;
}

/** Works through a staged upload: a chunk of lines a transaction. */
export function importJob(pool: Pool, feed: Pick<Notifier, 'notify'>): JobKind<ImportInput, ImportCheckpoint> {
  const sizes = new ChunkSizes();
  // The part that was read last, since several chunks may come from it.
  let read: { readonly key: string; readonly records: readonly SourceRecord[] } | undefined;

  async function part(jobId: string, n: number): Promise<readonly SourceRecord[] | undefined> {
    const key = `${jobId} ${n}`;
    if (read?.key !== key) {
      const records = await staged(pool, jobId, n);
      read = records && { key, records };
    }
    return read?.key === key ? read.records : undefined;
  }

  return {
    kind: IMPORT,
    atOnce: 1,
    mayPass: isConflict,
    async step({ id, input, checkpoint, progress, createdBy, failedTries }) {
      const at = checkpoint ?? { part: 0, at: 0, result: emptyResult(input) };
      const records = await part(id, at.part);
      if (records === undefined) throw new JobFailed('The upload of this import is not there any more. Send it again.');
      const size = sizes.next(id, failedTries);
      const chunk = records.slice(at.at, at.at + size);
      const lines = readLines(chunk, input);
      const isLastOfPart = at.at + chunk.length >= records.length;
      const done = isLastOfPart && progress.done + chunk.length >= (progress.total ?? 0);

      return async (client) => {
        const since = performance.now();
        await beShort(client);
        const ids = lines.flatMap((line) => ('id' in line ? [line.id] : []));
        const earlier = await earlierLines(client, id, ids);
        const { mode, format } = input;
        const envelope = { actor: createdBy, correlationId: id, occurredAt: new Date() };
        const about = { importId: id, envelope, mode };
        const taken = await takeLines(client, { lines, format, earlier, before: at.result, ...about });
        await rememberLines(client, id, taken.given);
        const next = isLastOfPart ? { part: at.part + 1, at: 0 } : { part: at.part, at: at.at + chunk.length };
        if (isLastOfPart) await unstage(client, id, next.part);
        const pauseMilliseconds = sizes.took(id, chunk.length, performance.now() - since);
        const { failures, position } = taken;
        const result = position === undefined ? taken.result : { ...taken.result, position: positionText(position) };
        return {
          checkpoint: { ...next, result },
          progress: { done: progress.done + chunk.length, total: progress.total ?? 0, failed: result.refused },
          failures,
          result,
          done,
          pauseMilliseconds,
          committed: () => feed.notify(),
        };
      };
    },
  };
}
