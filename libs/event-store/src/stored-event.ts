import type pg from 'pg';
import type { StoredEvent } from './event.ts';

// As text, numbers and epochs: `pg` has no binary results, and its own parsers of dates and bytea cost twice the CPU (README).
const columns = `e.txid, e.position, (extract(epoch FROM e.recorded_at) * 1000)::bigint,
  (extract(epoch FROM e.occurred_at) * 1000)::bigint, e.id, e.stream_id, e.version, e.type, e.schema_version, e.correlation_id,
  e.causation_id, e.actor, e.traceparent, convert_from(e.data, 'UTF8')`;

const asText = { getTypeParser: () => (value: string) => value };

type Row = [
  txid: string,
  position: string,
  recordedAt: string,
  occurredAt: string,
  id: string,
  streamId: string,
  version: string,
  type: string,
  schemaVersion: string,
  correlationId: string,
  causationId: string | null,
  actor: string,
  traceparent: string | null,
  data: string,
];

/**
 * Runs `SELECT … <rest>`, where `rest` names the event table `e`. Not a named statement: planned each time for the size the table
 * has now, since a plan kept from when it was small would scan it whole.
 */
export async function selectEvents(
  client: Pick<pg.ClientBase, 'query'>,
  rest: string,
  values: unknown[],
): Promise<StoredEvent[]> {
  const query = { text: `SELECT ${columns} ${rest}`, values, rowMode: 'array' as const, types: asText };
  const { rows } = await client.query<Row>(query as pg.QueryArrayConfig);
  return rows.map(storedEvent);
}

function storedEvent(row: Row): StoredEvent {
  const [txid, position, recordedAt, occurredAt, id, streamId, version, type, schemaVersion] = row;
  const [correlationId, causationId, actor, traceparent, json] = row.slice(9) as [
    string,
    string | null,
    string,
    string | null,
    string,
  ];
  return {
    id,
    streamId,
    version: Number(version),
    type,
    schemaVersion: Number(schemaVersion),
    data: JSON.parse(json) as unknown,
    occurredAt: new Date(Number(occurredAt)),
    recordedAt: new Date(Number(recordedAt)),
    correlationId,
    ...(causationId === null ? {} : { causationId }),
    actor,
    ...(traceparent === null ? {} : { traceparent }),
    txid: BigInt(txid),
    position: BigInt(position),
  };
}
