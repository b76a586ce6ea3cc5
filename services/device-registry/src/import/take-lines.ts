import type { DeviceFormat, DeviceImportQuery, DeviceImportResult } from '@quell/contracts/device-import';
import { valueText } from '@quell/contracts/fact-text';
import type { JobFailure } from '@quell/contracts/job';
import type { FeedCursor } from '@quell/event-store/feed';
import type { ClientBase } from 'pg';
import type { Device } from '../device/device.ts';
import { changeDevicesIn, type DeviceChange } from '../device-store/change-devices.ts';
import { DeviceConflict } from '../device-store/conflict.ts';
import { loadRows } from '../device-store/load.ts';
import { shareMatching } from '../device-store/matching-lock.ts';
import type { Envelope } from '../device-store/stream.ts';
import { decideLine } from './decide-line.ts';
import { countChange } from './differences.ts';
import { type GivenDevice, placeIn, type ReadLine } from './read-lines.ts';

export interface TakeLines {
  readonly lines: readonly ReadLine[];
  /** What they were written in: errors name a column, or a pointer. */
  readonly format: DeviceFormat;
  /** Lines of this import that had these ids before. */
  readonly earlier: ReadonlyMap<string, number>;
  /** What came of the lines before. */
  readonly before: DeviceImportResult;
  /** Lower-case UUID of the import: each device gets at most one change of it. */
  readonly importId: string;
  readonly envelope: Envelope;
  readonly mode: DeviceImportQuery['mode'];
}

export interface TakenLines {
  readonly result: DeviceImportResult;
  readonly failures: readonly JobFailure[];
  /** The lines whose ids later ones may not have. */
  readonly given: readonly GivenDevice[];
  readonly position?: FeedCursor;
}

/**
 * Takes some lines of an import in a transaction that has not written anything yet. With `dryRun` it only reads.
 *
 * @throws DeviceConflict when a device moved on meanwhile: all of it again, in a new transaction
 */
export async function takeLines(client: ClientBase, take: TakeLines): Promise<TakenLines> {
  const { before, importId, mode, format } = take;
  const { given, failures } = withoutDuplicates(take);
  if (!before.dryRun) await shareMatching(client);
  const known = await loadRows(
    client,
    given.map(({ id }) => id),
  );
  const result = structuredClone(before);
  const changes: DeviceChange[] = [];
  for (const { line, id, facts } of given) {
    const device = known.get(id);
    const verdict = decideLine(id, facts, device, mode);
    if (verdict.kind === 'refused') {
      const { fact, detail } = verdict;
      failures.push({ line, id, ...(fact === undefined ? {} : placeIn(format, [fact])), detail });
    } else result[verdict.kind]++;
    if (verdict.kind === 'changed') countChange(result.fields, line, verdict.before, verdict.after);
    if (verdict.kind === 'changed' || verdict.kind === 'created') {
      changes.push({ deviceId: id, command: verdict.command, causeId: importId, ifVersion: [device?.version ?? 0] });
    }
  }
  failures.sort((a, b) => (a.line ?? 0) - (b.line ?? 0));
  const position = before.dryRun ? undefined : await change(client, changes, take.envelope, known);
  result.lines += take.lines.length;
  result.refused = result.lines - result.created - result.changed - result.unchanged;
  return { result, failures, given, ...(position && { position }) };
}

async function change(
  client: ClientBase,
  changes: readonly DeviceChange[],
  envelope: Envelope,
  known: ReadonlyMap<string, Device>,
): Promise<FeedCursor | undefined> {
  if (changes.length === 0) return undefined;
  const { outcomes, position } = await changeDevicesIn(client, changes, envelope, { read: 'rows' });
  const moved = outcomes.findIndex(({ ok }) => !ok);
  if (moved === -1) return position;
  const { deviceId } = changes[moved]!;
  throw new DeviceConflict(`${deviceId} is not at version ${known.get(deviceId)?.version ?? 0} any more`, []);
}

/** The first line with an id is the one that counts. */
function withoutDuplicates({ lines, earlier }: TakeLines): { given: GivenDevice[]; failures: JobFailure[] } {
  const firstLines = new Map(earlier);
  const given: GivenDevice[] = [];
  const failures: JobFailure[] = [];
  for (const read of lines) {
    if ('failures' in read) {
      failures.push(...read.failures);
      continue;
    }
    const first = firstLines.get(read.id);
    if (first === undefined) {
      firstLines.set(read.id, read.line);
      given.push(read);
    } else {
      const { line, id } = read;
      failures.push({ line, id, detail: `line ${first} has the id ${valueText(id)} already` });
    }
  }
  return { given, failures };
}
