import type { DeviceEvent } from '@quell/contracts/device-events';
import { type AppendedStream, append, type StreamAppend } from '@quell/event-store/append';
import type { NewEvent } from '@quell/event-store/event';
import type { FeedCursor } from '@quell/event-store/feed';
import { storedEventIds } from '@quell/event-store/load';
import type { ClientBase, Pool } from 'pg';
import { SCHEMA } from '../database/schema.ts';
import { type Decision, type DeviceCommand, decide, type Refusal } from '../device/decide.ts';
import type { Device } from '../device/device.ts';
import { evolve } from '../device/evolve.ts';
import { DeviceConflict } from './conflict.ts';
import { loadDevices, loadRows } from './load.ts';
import { shareMatching } from './matching-lock.ts';
import { retryingConflicts } from './retrying.ts';
import { syncRows, type Transition } from './rows.ts';
import { type Envelope, eventIdOf, newEvent, streamIdOf } from './stream.ts';

/** One command on one device. */
export interface DeviceChange {
  readonly deviceId: string;
  readonly command: DeviceCommand;
  /** Lower-case UUID that the ids of the events follow from: the same cause takes effect on a device once, however often it comes. */
  readonly causeId: string;
  /** The versions that the device may have (`If-Match`); absent: any. */
  readonly ifVersion?: readonly number[];
  /** Instead of the one that is given for all changes. */
  readonly envelope?: Envelope;
}

/** What became of one change; `events` is empty when nothing had to change. */
export type DeviceOutcome =
  | {
      readonly ok: true;
      readonly before: Device | undefined;
      readonly device: Device;
      readonly events: readonly DeviceEvent[];
    }
  | { readonly ok: false; readonly before: Device | undefined; readonly refusal: Refusal };

export interface ChangedDevices {
  /** In the order of the changes. */
  readonly outcomes: readonly DeviceOutcome[];
  /** The last event appended; absent when there was none. */
  readonly position?: FeedCursor;
}

export interface ChangeOptions {
  /** Where the devices are read: their streams, or the rows beside them, which is much less work. Both tell the same. Default streams. */
  readonly read?: 'streams' | 'rows';
}

export interface OwnTransaction extends ChangeOptions {
  /** Writes rows in the same transaction, after the append: the progress of a job, an idempotency key. Repeated with it on a conflict. */
  readonly beside?: (client: ClientBase, changed: ChangedDevices) => Promise<void>;
  /** How often a conflict is decided again. Default 8. */
  readonly tries?: number;
}

/**
 * Changes any number of devices (a few thousand) in one transaction with one append: load, decide, append, rows. Changes of one device
 * take effect in their order. A refusal concerns its change alone. On a conflict everything is read and decided again. Afterwards tell
 * the feed's followers (`feed.notify()`), when something was appended.
 *
 * @throws ProblemError 503 when others were faster `tries` times in a row
 */
export function changeDevices(
  pool: Pool,
  changes: readonly DeviceChange[],
  envelope: Envelope,
  { beside, tries, ...options }: OwnTransaction = {},
): Promise<ChangedDevices> {
  let repeats = false;
  return retryingConflicts(
    pool,
    async (client, met) => {
      repeats ||= met instanceof DeviceConflict && met.duplicates.length > 0;
      await shareMatching(client);
      const changed = await changeDevicesIn(client, changes, envelope, { ...options, repeats });
      await beside?.(client, changed);
      return changed;
    },
    tries,
  );
}

/**
 * As `changeDevices`, in a transaction of the caller, which has not written anything yet.
 *
 * @param options `repeats`: the changes may have taken effect before; those are left out.
 * @throws DeviceConflict when a device moved on, or (without `repeats`) a change took effect before
 */
export async function changeDevicesIn(
  client: ClientBase,
  changes: readonly DeviceChange[],
  envelope: Envelope,
  { read = 'streams', repeats = false }: ChangeOptions & { readonly repeats?: boolean } = {},
): Promise<ChangedDevices> {
  const ids = [...new Set(changes.map(({ deviceId }) => deviceId))];
  const known = await (read === 'rows' ? loadRows : loadDevices)(client, ids);
  const taken = repeats ? await takenBefore(client, changes) : undefined;
  const decided = decideAll(changes, known, taken, envelope.occurredAt.toISOString());
  const appended = await appendAll(client, known, decided, envelope);
  if (appended === undefined) return { outcomes: outcomesOf(decided, known, () => '') };
  const outcomes = outcomesOf(decided, known, (id) => appended.get(streamIdOf(id))!.recordedAt.toISOString());
  const after = new Map<string, Device>();
  for (const one of outcomes) if (one.ok && one.events.length > 0) after.set(one.device.id, one.device);
  await syncRows(
    client,
    [...after.values()].map((device): Transition => ({ before: known.get(device.id), after: device })),
  );
  return { outcomes, position: await lastPosition(client) };
}

interface Decided {
  readonly change: DeviceChange;
  readonly decision: Decision;
}

/** Decides the changes in order, each on what those before it made of its device. */
function decideAll(
  changes: readonly DeviceChange[],
  known: ReadonlyMap<string, Device>,
  taken: ReadonlySet<string> | undefined,
  now: string,
): Decided[] {
  const devices = new Map(known);
  return changes.map((change) => {
    const { deviceId } = change;
    const device = devices.get(deviceId);
    const decision = taken?.has(firstEventId(change)) ? nothingToDo : decideOne(change, device);
    const after = decision.ok ? evolved(device, decision.events, now) : undefined;
    if (after !== undefined) devices.set(deviceId, after);
    return { change, decision };
  });
}

const nothingToDo: Decision = { ok: true, events: [] };

// What is refused on any version is refused for that reason, not for its version (RFC 9110, 13.2.1).
function decideOne({ deviceId, command, ifVersion }: DeviceChange, device: Device | undefined): Decision {
  const decision = decide(deviceId, device, command);
  if (decision.ok && ifVersion !== undefined && !ifVersion.includes(device?.version ?? 0)) {
    const now = device === undefined ? 'it does not exist' : `it is at ${device.version}`;
    const detail =
      ifVersion.length === 0
        ? `No ETag in If-Match can be one of the device ${deviceId}: weak ones (W/"1") never match. Read it again: ${now}.`
        : `The device ${deviceId} is not at version ${ifVersion.join(' or ')}: ${now}.`;
    return { ok: false, refusal: { code: 'version', detail } };
  }
  return decision;
}

async function appendAll(
  client: ClientBase,
  known: ReadonlyMap<string, Device>,
  decided: readonly Decided[],
  envelope: Envelope,
): Promise<ReadonlyMap<string, AppendedStream> | undefined> {
  const appends = new Map<string, StreamAppend & { readonly events: NewEvent[] }>();
  for (const { change, decision } of decided) {
    if (!decision.ok || decision.events.length === 0) continue;
    const { deviceId, causeId } = change;
    const streamId = streamIdOf(deviceId);
    const one = appends.get(deviceId) ?? { streamId, expectedVersion: known.get(deviceId)?.version ?? 0, events: [] };
    one.events.push(
      ...decision.events.map((event, index) =>
        newEvent(event, eventIdOf(streamId, causeId, index), change.envelope ?? envelope),
      ),
    );
    appends.set(deviceId, one);
  }
  if (appends.size === 0) return undefined;
  const appended = await append(client, SCHEMA, [...appends.values()]);
  if (appended.ok) return appended.streams;
  const { conflicts, duplicates } = appended;
  throw new DeviceConflict(`changed by somebody else: ${[...conflicts, ...duplicates].join(', ')}`, duplicates);
}

/** What became of each change, with the time at which the device's events were recorded. */
function outcomesOf(
  decided: readonly Decided[],
  known: ReadonlyMap<string, Device>,
  recordedAt: (deviceId: string) => string,
): DeviceOutcome[] {
  const devices = new Map(known);
  return decided.map(({ change: { deviceId }, decision }): DeviceOutcome => {
    const before = devices.get(deviceId);
    if (!decision.ok) return { ok: false, before, refusal: decision.refusal };
    const { events } = decision;
    const device = events.length === 0 ? before : evolved(before, events, recordedAt(deviceId));
    if (device === undefined) throw new Error(`nothing was decided on ${deviceId}, which does not exist`);
    devices.set(deviceId, device);
    return { ok: true, before, device, events };
  });
}

function evolved(device: Device | undefined, events: readonly DeviceEvent[], recordedAt: string): Device | undefined {
  let after = device;
  for (const event of events) after = evolve(after, { ...event, version: (after?.version ?? 0) + 1, recordedAt });
  return after;
}

/** The changes whose events are stored, by the id of the first. */
function takenBefore(client: ClientBase, changes: readonly DeviceChange[]): Promise<Set<string>> {
  return storedEventIds(client, SCHEMA, changes.map(firstEventId));
}

function firstEventId({ deviceId, causeId }: DeviceChange): string {
  return eventIdOf(streamIdOf(deviceId), causeId, 0);
}

async function lastPosition(client: ClientBase): Promise<FeedCursor> {
  const { rows } = await client.query<{ txid: string; position: string }>({
    name: 'last-position',
    text: `SELECT txid::text, position::text FROM device_registry.event WHERE txid = pg_current_xact_id()
           ORDER BY event.position DESC LIMIT 1`,
  });
  return { txid: BigInt(rows[0]!.txid), position: BigInt(rows[0]!.position) };
}
