import type { DeviceFormat, DeviceImportQuery } from '@quell/contracts/device-import';
import { refusal, unavailable } from '@quell/service-kit/problem-error';
import type { Pool } from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { delimiterOf, type Header, headerOf, headerRefusal } from './header.ts';
import { type RecordLimits, recordsOf, type SourceRecord } from './records.ts';
import { stage } from './staging.ts';

export interface UploadLimits extends RecordLimits {
  /** Of a whole upload. */
  readonly bytes: number;
  /** Of an import that is done while its caller waits, in records and in bytes. */
  readonly atOnce: { readonly records: number; readonly bytes: number };
  /** Of what is staged in one row. */
  readonly part: { readonly records: number; readonly bytes: number };
}

export const uploadLimits: UploadLimits = {
  recordBytes: 64 * 1024,
  recordLines: 10_000,
  bytes: 1024 ** 3,
  atOnce: { records: 1_000, bytes: 1024 ** 2 },
  part: { records: 500, bytes: 512 * 1024 },
};

/** An upload that was read to its end. `header` is there for CSV. */
export type Upload = { readonly header?: Header | undefined } & (
  | { readonly records: readonly SourceRecord[] }
  /** Too large to be held in memory: it is kept under this id. */
  | { readonly jobId: string; readonly total: number }
);

export interface UploadOptions {
  readonly format: DeviceFormat;
  readonly unknown: DeviceImportQuery['unknown'];
  /** Stage it, however small it is. */
  readonly asJob: boolean;
  readonly stopping: () => boolean;
}

/**
 * Reads an upload as fast as it can be kept.
 *
 * @throws ProblemError 400 for a file that is no UTF-8 or has a header of no use, 413, 503 when the service stops; what was staged is
 * deleted then
 */
export async function readUpload(
  pool: Pool,
  body: AsyncIterable<Buffer>,
  { format, unknown, asJob, stopping }: UploadOptions,
  limits: UploadLimits = uploadLimits,
): Promise<Upload> {
  let jobId = asJob ? uuidv7() : undefined;
  let parts = 0;
  let header: Header | undefined;
  let total = 0;
  let held: SourceRecord[] = [];
  let heldBytes = 0;
  const hold = (record: SourceRecord) => {
    held.push(record);
    heldBytes += 'text' in record ? record.text.length : 0;
    total++;
  };
  const stageHeld = async (id: string) => {
    if (stopping()) throw unavailable('The service is stopping. Send it again.', 2);
    for (const part of partsOf(held, limits.part)) await stage(pool, id, parts++, part);
    held = [];
    heldBytes = 0;
  };
  try {
    for await (const records of recordsOf(utf8Only(bounded(body, limits.bytes)), format, limits)) {
      const [first] = records;
      const isFirst = format === 'csv' && header === undefined && first !== undefined;
      if (isFirst) header = readHeader(first, unknown);
      for (const record of isFirst ? records.slice(1) : records) hold(record);
      if (total > limits.atOnce.records || heldBytes > limits.atOnce.bytes) jobId ??= uuidv7();
      const isPartFull = held.length >= limits.part.records || heldBytes >= limits.part.bytes;
      if (jobId !== undefined && isPartFull) await stageHeld(jobId);
    }
    if (total === 0 && header === undefined) throw refusal('invalid-request', 'The body is empty.');
    // A header alone is nothing to do.
    if (jobId === undefined || total === 0) return { records: held, header };
    await stageHeld(jobId);
    return { jobId, total, header };
  } catch (error) {
    if (parts > 0) {
      // What is left behind otherwise goes after a day.
      await pool.query('DELETE FROM device_registry.import_chunk WHERE job_id = $1', [jobId]).catch(() => undefined);
    }
    throw error;
  }
}

function readHeader(record: SourceRecord, unknown: DeviceImportQuery['unknown']): Header {
  if ('text' in record) return headerOf(record.text, delimiterOf(record.text), unknown);
  throw headerRefusal(record.fault);
}

function* partsOf(records: readonly SourceRecord[], most: UploadLimits['part']): Generator<SourceRecord[]> {
  let part: SourceRecord[] = [];
  let bytes = 0;
  for (const record of records) {
    part.push(record);
    bytes += 'text' in record ? record.text.length : 0;
    if (part.length < most.records && bytes < most.bytes) continue;
    yield part;
    part = [];
    bytes = 0;
  }
  if (part.length > 0) yield part;
}

async function* bounded(body: AsyncIterable<Buffer>, most: number): AsyncGenerator<Buffer> {
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > most) throw refusal('payload-too-large', `An import may have ${most} bytes; send it in several.`);
    yield chunk;
  }
}

/** Spreadsheets also write other encodings, whose letters would be lost in silence. */
async function* utf8Only(body: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const check = (chunk?: Buffer) => {
    try {
      decoder.decode(chunk, { stream: chunk !== undefined });
    } catch {
      throw refusal('invalid-request', 'The body is not UTF-8. Save it as "CSV UTF-8", or convert it.');
    }
  };
  for await (const chunk of body) {
    check(chunk);
    yield chunk;
  }
  check();
}
