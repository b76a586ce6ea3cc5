import { decodeDetection } from '@quell/mitigation/detections/consumer';
import { takeDetections } from '@quell/mitigation/detections/take';
import { defaultPolicy, effectivePolicy } from '@quell/mitigation/policy/policy';
import { inTransaction } from '@quell/service-kit/transaction';
import type { Pool } from 'pg';
import { type Host, recordFor, type Sighting } from '../detections.ts';
import { analyse } from './endpoints.ts';

const CHUNK = 20_000;
/** Of the stored tasks, those that detections of the measurement name. */
const SEEN_AGAIN = 50_000;

// Rows of the sample with ids of their own; all other columns stay, whatever a later migration adds.
const copied = (table: string, changes: string) =>
  `INSERT INTO mitigation.${table} SELECT one.* FROM copy, mitigation.${table} AS sample,
   LATERAL jsonb_populate_record(sample, jsonb_build_object(${changes})) AS one
   WHERE sample.ctid = (SELECT ctid FROM mitigation.${table} LIMIT 1)`;
const txid = `'txid', pg_current_xact_id()::text`;
const copies = [
  copied('stream', `'stream_id', copy.task_id, ${txid}`),
  copied(
    'event',
    `'stream_id', copy.task_id, 'id', copy.event_id, 'correlation_id', copy.detection_id, 'causation_id', copy.event_id, 'position', copy.n, ${txid}`,
  ),
  copied('work', `'task_id', copy.task_id, 'endpoint_id', copy.endpoint_id`),
  copied('open_task', `'task_id', copy.task_id, 'endpoint_id', copy.endpoint_id, 'threat_key', copy.threat_key`),
  copied(
    'detection',
    `'detection_id', copy.detection_id, 'event_ids', jsonb_build_array(copy.event_id), 'task_id', copy.task_id, 'endpoint_id', copy.endpoint_id, 'source_id', copy.n::text`,
  ),
];

/**
 * Stores `count` open tasks with their detections as copies of one that the service itself makes, so that every table and index has the
 * size that they would have. Returns many of them, to be seen again.
 */
export async function storeTasks(
  pool: Pool,
  count: number,
  hosts: readonly Host[],
  progress: (text: string) => void,
): Promise<Sighting[]> {
  const pathOf = (n: number) => `stored-${n}`;
  await takeOne(pool, { host: hosts[0]!, path: pathOf(0) });
  const client = await pool.connect();
  try {
    await client.query('SET transaction_timeout = 0');
    await client.query('CREATE TEMP TABLE host (n int PRIMARY KEY, endpoint_id uuid)');
    await client.query(
      `INSERT INTO host SELECT n - 1, endpoint_id FROM unnest($1::text[]) WITH ORDINALITY AS h (hostname, n) JOIN mitigation.endpoint USING (hostname)`,
      [hosts.map(({ hostname }) => hostname)],
    );
    for (let from = 1; from < count; from += CHUNK) {
      progress(`storing tasks: ${from.toLocaleString('en-US')} of ${count.toLocaleString('en-US')}`);
      await client.query('BEGIN');
      await client.query(
        `CREATE TEMP TABLE copy ON COMMIT DROP AS
         SELECT g.n, endpoint_id, 'sha256:' || encode(sha256(convert_to('stored-' || g.n, 'UTF8')), 'hex') AS threat_key,
           gen_random_uuid() AS task_id, gen_random_uuid() AS event_id, gen_random_uuid() AS detection_id
         FROM generate_series(${from}, ${Math.min(from + CHUNK, count) - 1}) AS g (n) JOIN host ON host.n = g.n % ${hosts.length}`,
      );
      for (const statement of copies) await client.query(statement);
      await client.query('COMMIT');
    }
  } finally {
    client.release(true);
  }
  await analyse(pool);
  const step = Math.max(1, Math.floor(count / SEEN_AGAIN));
  return Array.from({ length: Math.ceil(count / step) }, (_, index) => {
    const n = index * step;
    return { host: hosts[n % hosts.length]!, path: pathOf(n) };
  });
}

async function takeOne(pool: Pool, sighting: Sighting): Promise<void> {
  const { value, ...rest } = recordFor(sighting);
  const message = { ...rest, topic: '', partition: 0, offset: 0n, timestamp: new Date(), headers: {} };
  const decoded = decodeDetection({ ...message, value: Buffer.from(value ?? '') });
  if (!('value' in decoded)) throw new Error(decoded.reason);
  await inTransaction(pool, (client) => takeDetections(client, [decoded.value], effectivePolicy(defaultPolicy())));
}
