import { int2Array, int4Array, textArray, timestampArray, uuidArray } from '@quell/event-store/array-parameters';
import type { ClientBase } from 'pg';
import { hintKeysOf } from '../endpoints/identifiers.ts';
import { TaskConflict } from '../task-store/conflict.ts';
import type { DecidedDetection, KnownDetection } from './decide.ts';

/** Contents of one detection that are remembered: a repeat of an older one would be taken as an update, which changes no status. */
export const REMEMBERED_EVENTS = 100;

/** What the rows say of detections that were taken before. */
export async function loadKnown(
  client: ClientBase,
  detectionIds: readonly string[],
): Promise<Map<string, KnownDetection>> {
  if (detectionIds.length === 0) return new Map();
  const { rows } = await client.query<{
    detection_id: string;
    event_ids: string[];
    disposition: KnownDetection['disposition'];
    task_id: string | null;
  }>({
    name: 'load-known-detections',
    text: 'SELECT detection_id, event_ids, disposition, task_id FROM mitigation.detection WHERE detection_id = ANY($1::uuid[])',
    values: [uuidArray([...new Set(detectionIds)], 'detectionId')],
  });
  return new Map(
    rows.map((row) => [
      row.detection_id,
      {
        eventIds: row.event_ids,
        disposition: row.disposition,
        ...(row.task_id === null ? {} : { taskId: row.task_id }),
      },
    ]),
  );
}

/** A task that holds a threat on an endpoint, with the version of its stream in the same snapshot: a hold ends with an event. */
export interface Holder {
  readonly endpointId: string;
  readonly threatKey: string;
  readonly taskId: string;
  readonly version: number;
}

/** The tasks that hold threats on endpoints now. */
export async function loadHolders(
  client: ClientBase,
  pairs: readonly { readonly endpointId: string; readonly threatKey: string }[],
): Promise<Holder[]> {
  if (pairs.length === 0) return [];
  const { rows } = await client.query<Holder>({
    name: 'load-holders',
    text: `SELECT o.endpoint_id AS "endpointId", o.threat_key AS "threatKey", o.task_id AS "taskId", s.version
           FROM unnest($1::uuid[], $2::text[]) AS w (endpoint_id, threat_key)
           JOIN mitigation.open_task o USING (endpoint_id, threat_key)
           JOIN mitigation.stream s ON s.stream_id = o.task_id
           WHERE o.reopen_until IS NULL OR o.reopen_until > now()`,
    values: [
      uuidArray(
        pairs.map(({ endpointId }) => endpointId),
        'endpointId',
      ),
      textArray(pairs.map(({ threatKey }) => threatKey)),
    ],
  });
  return rows;
}

interface DetectionRow {
  readonly last: DecidedDetection;
  readonly eventIds: readonly string[];
  readonly duplicates: number;
}

/**
 * Writes where each detection went, one row per detection: plain inserts and compare-and-set updates, so that of two consumers who
 * took the same detection only one commits.
 *
 * @throws TaskConflict when a row changed since it was read; a unique violation when it appeared
 */
export async function saveDetections(
  client: ClientBase,
  decided: readonly DecidedDetection[],
  known: ReadonlyMap<string, KnownDetection>,
): Promise<void> {
  if (decided.length === 0) return;
  const rows = new Map<string, DetectionRow>();
  for (const one of decided) {
    const { detectionId, eventId } = one.detection;
    const row = rows.get(detectionId) ?? { last: one, eventIds: known.get(detectionId)?.eventIds ?? [], duplicates: 0 };
    rows.set(
      detectionId,
      one.disposition.kind === 'duplicate'
        ? { ...row, duplicates: row.duplicates + 1 }
        : { ...row, last: one, eventIds: [...row.eventIds, eventId].slice(-REMEMBERED_EVENTS) },
    );
  }
  const fresh = [...rows.entries()].filter(([id]) => !known.has(id)).map(([, row]) => row);
  if (fresh.length > 0) await insertDetections(client, fresh);
  const changed = [...rows.entries()].filter(([id]) => known.has(id));
  if (changed.length === 0) return;
  const updated = changed.filter(([, row]) => row.last.disposition.kind !== 'duplicate').map(([, row]) => row);
  const repeated = changed.filter(([, row]) => row.duplicates > 0);
  if (repeated.length > 0) {
    await client.query(
      `UPDATE mitigation.detection d SET duplicates = d.duplicates + r.more
       FROM unnest($1::uuid[], $2::int[]) AS r (detection_id, more) WHERE d.detection_id = r.detection_id`,
      [repeated.map(([id]) => id), repeated.map(([, { duplicates }]) => duplicates)],
    );
  }
  if (updated.length > 0) await updateDetections(client, updated, known);
}

const hintsOf = (json: string) =>
  `CASE WHEN ${json} IS NOT NULL THEN ARRAY(SELECT jsonb_array_elements_text(${json}::jsonb)) END`;

const INSERT = `
  INSERT INTO mitigation.detection (detection_id, event_ids, source, source_id, detected_at, received_at, severity, disposition,
    task_id, endpoint_id, reason, candidates, content, duplicates, hints)
  SELECT detection_id, string_to_array(event_ids, ',')::uuid[], source, source_id, detected_at, received_at, severity, disposition,
    task_id, endpoint_id, reason, candidates::jsonb, content, duplicates, ${hintsOf('g.hints')}
  FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::timestamptz[], $7::smallint[], $8::text[],
    $9::uuid[], $10::uuid[], $11::text[], $12::text[], $13::text[], $14::int[], $15::text[])
    AS g (detection_id, event_ids, source, source_id, detected_at, received_at, severity, disposition,
      task_id, endpoint_id, reason, candidates, content, duplicates, hints)
  ORDER BY detection_id`;

async function insertDetections(client: ClientBase, rows: readonly DetectionRow[]): Promise<void> {
  await client.query({ name: 'insert-detections', text: INSERT, values: columnsOf(rows) });
}

const UPDATE = `
  UPDATE mitigation.detection d SET event_ids = string_to_array(g.event_ids, ',')::uuid[], detected_at = g.detected_at,
    received_at = g.received_at, severity = g.severity, disposition = g.disposition, task_id = g.task_id,
    endpoint_id = coalesce(g.endpoint_id, d.endpoint_id), reason = g.reason, candidates = g.candidates::jsonb, content = g.content,
    hints = ${hintsOf('g.hints')}, updated_at = now()
  FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::timestamptz[], $7::smallint[], $8::text[],
    $9::uuid[], $10::uuid[], $11::text[], $12::text[], $13::text[], $14::int[], $15::text[], $16::text[])
    AS g (detection_id, event_ids, source, source_id, detected_at, received_at, severity, disposition,
      task_id, endpoint_id, reason, candidates, content, duplicates, hints, was)
  WHERE d.detection_id = g.detection_id AND d.event_ids = string_to_array(g.was, ',')::uuid[]`;

async function updateDetections(
  client: ClientBase,
  rows: readonly DetectionRow[],
  known: ReadonlyMap<string, KnownDetection>,
): Promise<void> {
  const was = rows.map(({ last }) => known.get(last.detection.detectionId)!.eventIds.join(','));
  const { rowCount } = await client.query({
    name: 'update-detections',
    text: UPDATE,
    values: [...columnsOf(rows), textArray(was)],
  });
  if (rowCount !== rows.length) throw new TaskConflict('a detection was taken by somebody else');
}

function columnsOf(rows: readonly DetectionRow[]): Buffer[] {
  const of = <T>(read: (row: DetectionRow) => T): T[] => rows.map(read);
  const detection = <T>(read: (detection: DecidedDetection['detection']) => T) =>
    of(({ last }) => read(last.detection));
  const disposition = <T>(read: (disposition: DecidedDetection['disposition']) => T) =>
    of(({ last }) => read(last.disposition));
  return [
    uuidArray(
      detection(({ detectionId }) => detectionId),
      'detectionId',
    ),
    textArray(of(({ eventIds }) => eventIds.join(','))),
    textArray(detection(({ source }) => source)),
    textArray(detection(({ sourceId }) => sourceId)),
    timestampArray(detection(({ detectedAt }) => new Date(detectedAt))),
    timestampArray(detection(({ receivedAt }) => new Date(receivedAt))),
    int2Array(detection(({ severity }) => severity)),
    textArray(of(({ last }) => dispositionOf(last))),
    uuidArray(
      disposition((one) => ('taskId' in one ? one.taskId : undefined)),
      'taskId',
    ),
    uuidArray(
      disposition((one) => ('endpointId' in one ? one.endpointId : undefined)),
      'endpointId',
    ),
    textArray(disposition((one) => ('reason' in one ? one.reason : undefined))),
    textArray(disposition((one) => (one.kind === 'unresolved' ? JSON.stringify(one.candidates) : undefined))),
    textArray(detection((content) => JSON.stringify(content))),
    int4Array(of(({ duplicates }) => duplicates)),
    textArray(
      of(({ last }) =>
        last.disposition.kind === 'unresolved' ? JSON.stringify(hintKeysOf(last.detection.endpoint)) : undefined,
      ),
    ),
  ];
}

function dispositionOf({ disposition }: DecidedDetection): string {
  return disposition.kind === 'recorded' || disposition.kind === 'unresolved' ? disposition.kind : 'task';
}
