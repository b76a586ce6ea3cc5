import type { NextOffset, TopicPartition } from '@quell/messaging/broker';
import pg, { type ClientBase, type Pool } from 'pg';

/** The compare-and-set of the inbox lost: another member owns the partition. */
export class InboxFenced extends Error {
  override readonly name = 'InboxFenced';
}

/** Kafka's data is not the one this database goes on from; the message names the cure. */
export class UnknownCluster extends Error {
  override readonly name = 'UnknownCluster';
}

/** How far a service has taken each partition, in the table `inbox` of its own schema. */
export interface Inbox {
  /** Where each assigned partition goes on in this cluster's log. */
  loadOffsets(pool: Pool, clusterId: string, assigned: readonly TopicPartition[]): Promise<NextOffset[]>;
  /**
   * Refuses a broker that is not the one the stored offsets belong to: with its log gone, going on would skip what it held.
   *
   * @throws UnknownCluster when rows exist for another cluster and none for this one
   */
  requireKnownCluster(pool: Pool, clusterId: string): Promise<void>;
  /**
   * Moves the inbox by compare-and-set, in the transaction of the effect.
   *
   * @throws InboxFenced when somebody else moved it
   */
  moveInbox(client: ClientBase, clusterId: string, move: InboxMove): Promise<void>;
}

export type InboxMove = TopicPartition & { readonly from: bigint; readonly nextOffset: bigint };

/**
 * DDL of the inbox for a migration: the next offset of every partition, per cluster. A broker whose data is gone has another cluster id,
 * and is told by it.
 */
export function inboxSql(schema: string): string {
  return `CREATE TABLE ${pg.escapeIdentifier(schema)}.inbox (
    cluster_id text NOT NULL,
    topic text NOT NULL,
    partition int NOT NULL,
    next_offset bigint NOT NULL,
    PRIMARY KEY (cluster_id, topic, partition)
  )`;
}

/** @param what it takes, in the plural, for messages to people: `detections` */
export function inboxOf(schema: string, what: string): Inbox {
  const table = `${pg.escapeIdentifier(schema)}.inbox`;
  return {
    async loadOffsets(pool, clusterId, assigned) {
      const { rows } = await pool.query<{ topic: string; partition: number; next_offset: string }>(
        `SELECT i.topic, i.partition, i.next_offset FROM ${table} i
         JOIN unnest($2::text[], $3::int[]) AS a (topic, partition) USING (topic, partition) WHERE i.cluster_id = $1`,
        [clusterId, assigned.map(({ topic }) => topic), assigned.map(({ partition }) => partition)],
      );
      return rows.map((row) => ({ topic: row.topic, partition: row.partition, nextOffset: BigInt(row.next_offset) }));
    },
    async requireKnownCluster(pool, clusterId) {
      const { rows } = await pool.query<{ cluster_id: string }>(`SELECT DISTINCT cluster_id FROM ${table}`);
      if (rows.length === 0 || rows.some((row) => row.cluster_id === clusterId)) return;
      const others = rows.map((row) => row.cluster_id).join(', ');
      throw new UnknownCluster(
        `Kafka is cluster ${clusterId}, but the ${what} taken so far came from ${others}. Its data was lost or KAFKA_BROKERS names ` +
          'another broker. Bring back the broker with its data, or, to accept that what it still held is lost, run: ' +
          `DELETE FROM ${schema}.inbox WHERE cluster_id <> '${clusterId}';`,
      );
    },
    async moveInbox(client, clusterId, { topic, partition, from, nextOffset }) {
      const { rowCount } = await client.query({
        name: 'move-inbox',
        text: `INSERT INTO ${table} AS i (cluster_id, topic, partition, next_offset) VALUES ($1, $2, $3, $5)
               ON CONFLICT (cluster_id, topic, partition) DO UPDATE SET next_offset = excluded.next_offset WHERE i.next_offset = $4`,
        values: [clusterId, topic, partition, String(from), String(nextOffset)],
      });
      if (rowCount !== 1) throw new InboxFenced(`${topic}[${partition}] was moved on from ${from} by another member`);
    },
  };
}
