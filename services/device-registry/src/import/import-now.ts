import type { DeviceImportAnswer, DeviceImportQuery } from '@quell/contracts/device-import';
import type { FeedCursor } from '@quell/event-store/feed';
import type { Notifier } from '@quell/event-store/notify';
import type { Pool } from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { retryingConflicts } from '../device-store/retrying.ts';
import { emptyResult } from './differences.ts';
import { type Reading, readLines } from './read-lines.ts';
import type { SourceRecord } from './records.ts';
import { takeLines } from './take-lines.ts';

/** Lines of one transaction. */
const AT_ONCE = 250;

/** Does a small import while its caller waits. What is done when it fails stays done; the same again has no further effect. */
export async function importNow(
  { pool, feed }: { readonly pool: Pool; readonly feed: Pick<Notifier, 'notify'> },
  records: readonly SourceRecord[],
  input: Reading & Pick<DeviceImportQuery, 'dryRun' | 'mode'>,
  actor: string,
): Promise<{ readonly answer: DeviceImportAnswer; readonly position?: FeedCursor | undefined }> {
  const importId = uuidv7();
  const lines = readLines(records, input);
  const earlier = new Map<string, number>();
  let position: FeedCursor | undefined;
  let answer: DeviceImportAnswer = { ...emptyResult(input), errors: [] };
  for (let at = 0; at < lines.length; at += AT_ONCE) {
    const { errors, ...before } = answer;
    const envelope = { actor, correlationId: importId, occurredAt: new Date() };
    const { mode, format } = input;
    const part = { lines: lines.slice(at, at + AT_ONCE), format, earlier, before, importId, envelope, mode };
    const taken = await retryingConflicts(pool, (client) => takeLines(client, part));
    for (const { id, line } of taken.given) earlier.set(id, line);
    answer = { ...taken.result, errors: [...errors, ...taken.failures] };
    if (taken.position !== undefined) feed.notify();
    position = taken.position ?? position;
  }
  return { answer, position };
}
