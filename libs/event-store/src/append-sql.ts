import { quoted } from './schema.ts';

const columns = `txid, recorded_at, occurred_at, id, stream_id, correlation_id, causation_id, version, schema_version, type, actor, traceparent, data`;

// The transaction id comes out of the guard, so nothing can be written before the guard has passed, in whatever order Postgres runs
// the parts of the statement. Raised, not returned: a caller that ignores the answer cannot commit.
function guard(s: string): string {
  return `guard AS MATERIALIZED (
    SELECT CASE WHEN pg_current_xact_id_if_assigned() IS NULL THEN pg_current_xact_id()
                WHEN ${s}.refuse_append_late() THEN NULL END AS txid)`;
}

// INSERT … ON CONFLICT works off its rows in their order, so the heads (sorted by the caller) are locked in id order, and it judges
// the newest committed version of a head, waiting for a writer that holds it. A head that was made though the caller expected
// events keeps expected > 0 and counts as a conflict; an update sets it to 0.
function headsMoved(s: string, source: string): string {
  return `moved AS (
    INSERT INTO ${s}.stream AS head (stream_id, expected, version, txid, recorded_at)
    ${source}
    ON CONFLICT (stream_id) DO UPDATE SET version = excluded.version, expected = 0, txid = excluded.txid,
      recorded_at = greatest(head.recorded_at, excluded.recorded_at)
    WHERE head.version = excluded.expected AND head.txid < excluded.txid
    RETURNING stream_id, txid, recorded_at, expected)`;
}

const now = `date_trunc('milliseconds', statement_timestamp())`;
const epochMilliseconds = (expression: string) => `(extract(epoch FROM ${expression}) * 1000)::bigint`;

/** Many streams, many events, 14 arrays; answers `recorded` as epoch milliseconds in the order of the heads. */
export function appendManySql(schema: string): string {
  const s = quoted(schema);
  return `WITH ${guard(s)},
  ${headsMoved(
    s,
    `SELECT h.stream_id, h.expected, h.version, (SELECT txid FROM guard), ${now}
     FROM unnest($1::uuid[], $2::int[], $3::int[]) AS h(stream_id, expected, version)`,
  )},
  checked AS MATERIALIZED (
    SELECT CASE WHEN count(*) FILTER (WHERE expected = 0) = cardinality($1::uuid[]) THEN array_agg(recorded_at)
                WHEN ${s}.refuse_append_conflict($1::uuid[], array_agg(stream_id) FILTER (WHERE expected = 0)) THEN NULL
           END AS recorded
    FROM moved),
  written AS (
    INSERT INTO ${s}.event (${columns})
    SELECT (SELECT txid FROM guard), (SELECT recorded FROM checked)[e.head], e.occurred_at, e.id, ($1::uuid[])[e.head],
           e.correlation_id, e.causation_id, e.version, e.schema_version, e.type, e.actor, e.traceparent, e.data
    FROM unnest($4::int[], $5::int[], $6::timestamptz[], $7::uuid[], $8::uuid[], $9::uuid[], $10::smallint[], $11::text[],
                $12::text[], $13::text[], $14::bytea[])
      AS e(head, version, occurred_at, id, correlation_id, causation_id, schema_version, type, actor, traceparent, data))
  SELECT array_to_string(ARRAY(SELECT ${epochMilliseconds('r')} FROM checked, unnest(recorded) AS r), ',') AS recorded`;
}

/** One event for one stream, all scalars: about a third more appends per second than the arrays (README). Same answer. */
export function appendOneSql(schema: string): string {
  const s = quoted(schema);
  return `WITH ${guard(s)},
  ${headsMoved(s, `SELECT $1::uuid, $2::int, $2::int + 1, (SELECT txid FROM guard), ${now}`)}
  INSERT INTO ${s}.event (${columns})
  SELECT CASE WHEN moved.expected = 0 THEN moved.txid WHEN ${s}.refuse_append_conflict(ARRAY[$1::uuid], '{}') THEN NULL END,
         moved.recorded_at, $3::timestamptz, $4::uuid, $1::uuid, $5::uuid, $6::uuid, $2::int + 1, $7::smallint, $8::text,
         $9::text, $10::text, $11::bytea
  FROM (SELECT) AS always LEFT JOIN moved ON true
  RETURNING ${epochMilliseconds('recorded_at')} AS recorded`;
}
