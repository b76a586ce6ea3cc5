import type pg from 'pg';
import { type FreshStore, freshStore } from './fresh-store.fixture.ts';

const rows = 20_000;
let store: FreshStore;
let client: pg.Client;
beforeAll(async () => {
  store = await freshStore();
  client = await store.connect();
  // Never analysed, as right after a burst.
  await client.query(
    `INSERT INTO es.event (txid, recorded_at, occurred_at, id, stream_id, correlation_id, version, schema_version, type, actor, data)
     SELECT (10 + n / 50)::text::xid8, now(), now(), gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 1, 1, 'T', 'a',
            convert_to(repeat('x', 500), 'UTF8')
     FROM generate_series(1, ${rows}) AS n`,
  );
});
afterAll(() => store.close());

const cursors: [string, number][] = [
  ['at the start', 0],
  ['in the middle', 200],
  ['caught up', 9_000_000],
];

test.each(cursors)('the poll of a reader %s walks the feed index from its cursor, without a sort', async (_, txid) => {
  const feed = await client.query(`SELECT prosrc, proconfig FROM pg_proc WHERE oid = 'es.feed'::regproc`);
  const { prosrc, proconfig } = feed.rows[0];
  await client.query('BEGIN');
  for (const setting of proconfig) await client.query(`SET LOCAL ${setting}`);
  const { rows: lines } = await client.query(`EXPLAIN (COSTS OFF) ${prosrc}`, [String(txid), '0', 500]);
  await client.query('ROLLBACK');
  const plan = lines.map((line) => line['QUERY PLAN']).join('\n');
  expect(plan).toMatch(/Index Scan using event_feed on event/);
  expect(plan).toMatch(/Index Cond: .*ROW\(txid, "?position"?\) > .*AND \(txid < pg_snapshot_xmin/);
  expect(plan).not.toMatch(/Sort|Seq Scan|Filter/);
});

test.each(cursors)('a page read %s touches a few blocks of the log, not all of it', async (_, txid) => {
  const blocks = async (sql: string, values: unknown[]) => {
    const { rows: plans } = await client.query(`EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${sql}`, values);
    const plan = plans[0]['QUERY PLAN'][0].Plan;
    return plan['Shared Hit Blocks'] + plan['Shared Read Blocks'];
  };
  const whole = await blocks('SELECT count(data) FROM es.event', []);
  await blocks('SELECT * FROM es.feed($1, $2, $3)', ['0', '0', 1]); // what the first call costs in catalogue look-ups
  expect(await blocks('SELECT * FROM es.feed($1, $2, $3)', [String(txid), '0', 500])).toBeLessThan(whole / 10);
});
