import { pathToFileURL } from 'node:url';
import pg from 'pg';
import type { Queryable } from './load.ts';
import { quoted } from './schema.ts';
import { inTransaction } from './transaction.ts';

/** Older than the transaction of any cluster: the first that is not reserved. */
const oldestTxid = '3';

/**
 * Gives a history restored from another cluster transaction ids that this one has passed, keeping the order of the feed and what each
 * processor has done. The services must be stopped; run again it changes nothing that matters.
 *
 * @returns the number of events.
 */
export function adoptRestored(client: Queryable, schema: string): Promise<number> {
  const s = quoted(schema);
  return inTransaction(client, async () => {
    await client.query(`SET LOCAL transaction_timeout = 0`);
    await client.query(`LOCK TABLE ${s}.event, ${s}.stream, ${s}.checkpoint, ${s}.parked IN ACCESS EXCLUSIVE MODE`);
    // All under one id, told apart by their place in the old order.
    await client.query(
      `CREATE TEMP TABLE adopted ON COMMIT DROP AS
       SELECT txid, position, row_number() OVER (ORDER BY txid, position) AS place FROM ${s}.event`,
    );
    await client.query('CREATE UNIQUE INDEX ON adopted (txid, position)');
    await client.query(
      `UPDATE ${s}.checkpoint AS c SET txid = $1::xid8, position =
         (SELECT count(*) FROM adopted AS a WHERE (a.txid, a.position) <= (c.txid, c.position))`,
      [oldestTxid],
    );
    await client.query(
      `UPDATE ${s}.parked AS p SET txid = $1::xid8, position = a.place FROM adopted AS a
       WHERE (a.txid, a.position) = (p.txid, p.position)`,
      [oldestTxid],
    );
    await client.query(`UPDATE ${s}.stream SET txid = $1::xid8`, [oldestTxid]);
    await client.query(`DROP INDEX ${s}.event_feed`);
    const { rowCount } = await client.query(
      `UPDATE ${s}.event AS e SET txid = $1::xid8, position = a.place FROM adopted AS a
       WHERE (a.txid, a.position) = (e.txid, e.position)`,
      [oldestTxid],
    );
    await client.query(`CREATE UNIQUE INDEX event_feed ON ${s}.event (txid, position)`);
    await client.query(
      `SELECT setval(pg_get_serial_sequence($1, 'position'), greatest((SELECT max(position) FROM ${s}.event), 1))`,
      [`${s}.event`],
    );
    return rowCount ?? 0;
  });
}

async function main(schema: string | undefined, url: string | undefined): Promise<void> {
  if (!schema || !url) throw new Error('usage: DATABASE_URL=postgres://… node adopt-restored.ts <schema>');
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    console.log(`${await adoptRestored(client, schema)} events of ${schema} adopted: the services can be started`);
  } finally {
    await client.end();
  }
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  await main(process.argv[2], process.env.DATABASE_URL);
}
