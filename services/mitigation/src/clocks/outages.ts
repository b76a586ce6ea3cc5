import { inTransaction } from '@quell/service-kit/transaction';
import type { ClientBase, Pool } from 'pg';
import { v7 as uuidv7 } from 'uuid';

/** When clocks stand still because agents could not have been heard, all in seconds. Source: agent-protocol.md, "Clocks, never one". */
export interface OutageSettings {
  /** No replica alive for longer: an outage of ours. */
  readonly gapSeconds: number;
  /** After an outage nothing is inferred for so long: agents need time to come back. */
  readonly graceSeconds: number;
  /** A spell without any contact counts as an outage for so long at most. */
  readonly mostSilenceSeconds: number;
  /** So many agents must have been in contact in the 5 minutes before a silent spell. */
  readonly agentsBefore: number;
}

export const defaultOutages: OutageSettings = {
  gapSeconds: 30,
  graceSeconds: 175,
  mostSilenceSeconds: 3600,
  agentsBefore: 3,
};

/**
 * Notes that this replica is alive, and looks for outages: a gap in which no replica was, or a spell in which no agent made contact
 * although several had just before (the gateway or the network was down). Each outage moves every clock by its length, once.
 * Returns whether clocks may end runs now.
 */
export function watchOutages(pool: Pool, replicaId: string, settings: OutageSettings): Promise<boolean> {
  return inTransaction(pool, async (client) => {
    // Replicas take turns, so that one of them finds a gap and the others see it found.
    await client.query(`SELECT pg_advisory_xact_lock(hashtextextended('mitigation outages', 7))`);
    await noteGap(client, settings);
    await beat(client, replicaId);
    await noteSilence(client, settings);
    const { rows } = await client.query<{ calm: boolean }>(
      `SELECT NOT EXISTS (SELECT FROM mitigation.outage
         WHERE ended_at IS NULL OR ended_at > now() - make_interval(secs => $1)) AS calm`,
      [settings.graceSeconds],
    );
    return rows[0]?.calm === true;
  });
}

async function beat(client: ClientBase, replicaId: string): Promise<void> {
  await client.query(
    `INSERT INTO mitigation.service_heartbeat (replica_id, beat_at) VALUES ($1, now())
     ON CONFLICT (replica_id) DO UPDATE SET beat_at = now()`,
    [replicaId],
  );
  await client.query(`DELETE FROM mitigation.service_heartbeat WHERE beat_at < now() - interval '1 day'`);
}

const GAP = 'no replica was running';
const SILENCE = 'no agent made contact';

async function noteGap(client: ClientBase, { gapSeconds }: OutageSettings): Promise<void> {
  const { rows } = await client.query<{ started_at: Date }>(
    `SELECT max(beat_at) AS started_at FROM mitigation.service_heartbeat
     HAVING max(beat_at) < now() - make_interval(secs => $1)`,
    [gapSeconds],
  );
  const startedAt = rows[0]?.started_at;
  if (startedAt === undefined) return;
  // A silence that goes on over the gap ends with it: the clocks are moved over both at once, and once.
  const { rows: silent } = await client.query<{ started_at: Date }>(
    'UPDATE mitigation.outage SET ended_at = now() WHERE ended_at IS NULL RETURNING started_at',
  );
  await client.query(`INSERT INTO mitigation.outage (id, started_at, ended_at, reason) VALUES ($1, $2, now(), $3)`, [
    uuidv7(),
    startedAt,
    GAP,
  ]);
  await moveClocks(client, silent[0]?.started_at ?? startedAt);
}

interface Spell {
  readonly silent: boolean;
  /** Agents in contact within the 5 minutes before the last contact of all. */
  readonly agents: number;
  /** This very spell was an outage already, until the most that counts. */
  readonly noted: boolean;
  readonly openId: string | null;
  readonly openSince: Date | null;
  readonly openTooLong: boolean;
}

// A spell begins with the last contact, or with the end of a gap after it: nobody could be heard in the gap, whose time counts already.
const SPELL = `
  SELECT greatest(last, (SELECT max(ended_at) FROM mitigation.outage WHERE reason = '${GAP}')) AS since, last
  FROM (SELECT max(last_seen_at) AS last FROM mitigation.agent_last_seen) AS contact`;

async function noteSilence(client: ClientBase, settings: OutageSettings): Promise<void> {
  const { rows } = await client.query<Spell>(
    `WITH spell AS (${SPELL})
     SELECT since < now() - make_interval(secs => $1) AS silent,
       (SELECT count(*)::int FROM mitigation.agent_last_seen WHERE last_seen_at > last - interval '5 minutes') AS agents,
       EXISTS (SELECT FROM mitigation.outage WHERE reason = '${SILENCE}' AND started_at >= since) AS noted,
       o.id AS "openId", o.started_at AS "openSince", o.started_at < now() - make_interval(secs => $2) AS "openTooLong"
     FROM spell LEFT JOIN mitigation.outage o ON o.ended_at IS NULL WHERE last IS NOT NULL`,
    [settings.gapSeconds, settings.mostSilenceSeconds],
  );
  const [spell] = rows;
  if (spell === undefined) return;
  if (spell.openId === null || spell.openSince === null) {
    if (!spell.silent || spell.noted || spell.agents < settings.agentsBefore) return;
    await client.query(
      `INSERT INTO mitigation.outage (id, started_at, reason) SELECT $1, since, '${SILENCE}' FROM (${SPELL}) AS spell`,
      [uuidv7()],
    );
    return;
  }
  if (spell.silent && !spell.openTooLong) return;
  await client.query('UPDATE mitigation.outage SET ended_at = now() WHERE id = $1', [spell.openId]);
  await moveClocks(client, spell.openSince);
}

/** The clocks, each with the time it runs from. */
const clocks = [
  ['queue_due_at', 'requested_at'],
  ['total_due_at', 'requested_at'],
  ['run_due_at', 'first_accepted_at'],
  ['cancel_due_at', 'cancel_requested_at'],
] as const;
const moved = clocks.map(([clock, from]) => `${clock} + greatest(now() - greatest($1, ${from}), '0')`);

/** Moves every clock by the time since `startedAt`, or since it began where that is later. */
async function moveClocks(client: ClientBase, startedAt: Date): Promise<void> {
  const sets = clocks.map(([clock], index) => `${clock} = ${moved[index]}`);
  await client.query(`UPDATE mitigation.work SET ${sets.join(', ')}, next_due_at = least(${moved.join(', ')})`, [
    startedAt,
  ]);
}
