import type pg from 'pg';
import { compareCursors, type FeedCursor } from './feed.ts';
import { quoted } from './schema.ts';
import { inTransaction } from './transaction.ts';

export interface Swap {
  readonly schema: string;
  /** Checkpoint of the version that readers see now, such as `task_view_v2`. */
  readonly from: string;
  /** Checkpoint of the version built beside it. */
  readonly to: string;
  /** Points readers at the new tables, such as by replacing a view; runs in the transaction that retires the old version. */
  swap(client: pg.ClientBase): Promise<void>;
}

interface Row {
  processor: string;
  txid: string;
  position: string;
  parked: boolean;
}

/**
 * Swaps to the new version if it has caught up with the old one, in one transaction; call it again, every second or so, until it did.
 * Both checkpoints are locked meanwhile, so that readers never go back in time. The runner of the old version then ends by itself.
 *
 * @returns false when the new version is still behind.
 * @throws Error when one of the two never ran, or the new one has parked events: swapping would hide them.
 */
export function swapWhenCaughtUp(client: pg.ClientBase, { schema, from, to, swap }: Swap): Promise<boolean> {
  const s = quoted(schema);
  return inTransaction(client, async () => {
    const { rows } = await client.query<Row>(
      `SELECT c.processor, c.txid::text, c.position::text,
              EXISTS (SELECT FROM ${s}.parked AS p WHERE p.processor = c.processor) AS parked
       FROM ${s}.checkpoint AS c WHERE c.processor IN ($1, $2) ORDER BY c.processor FOR UPDATE OF c`,
      [from, to],
    );
    const [old, built] = [from, to].map((name) => rows.find(({ processor }) => processor === name));
    if (!old || !built) throw new Error(`${old ? to : from} has no checkpoint in ${schema}: start its runner first`);
    if (built.parked) throw new Error(`${to} has parked events: retry or drop them before the swap`);
    if (compareCursors(cursorOf(built), cursorOf(old)) < 0) return false;
    await swap(client);
    await client.query(`UPDATE ${s}.checkpoint SET retired_at = clock_timestamp() WHERE processor = $1`, [from]);
    return true;
  });
}

function cursorOf({ txid, position }: Row): FeedCursor {
  return { txid: BigInt(txid), position: BigInt(position) };
}
