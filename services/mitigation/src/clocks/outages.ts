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

async function noteGap(client: ClientBase, { gapSeconds }: OutageSettings): Promise<void> {
  const { rows } = await client.query<{ started_at: Date }>(
    `SELECT max(beat_at) AS started_at FROM mitigation.service_heartbeat
     HAVING max(beat_at) < now() - make_interval(secs => $1)`,
    [gapSeconds],
  );
  const startedAt = rows[0]?.started_at;
  if (startedAt === undefined) return;
  await client.query(
    `INSERT INTO mitigation.outage (id, started_at, ended_at, reason) VALUES ($1, $2, now(), 'no replica was running')`,
    [uuidv7(), startedAt],
  );
  await moveClocks(client, startedAt);
}

async function noteSilence(client: ClientBase, settings: OutageSettings): Promise<void> {
  const { rows } = await client.query<{ last: Date | null; silent: boolean; agents: number }>(
    `WITH latest AS (SELECT max(last_seen_at) AS last FROM mitigation.agent_last_seen)
     SELECT last, last < now() - make_interval(secs => $1) AS silent,
       (SELECT count(*)::int FROM mitigation.agent_last_seen WHERE last_seen_at > last - interval '5 minutes') AS agents
     FROM latest`,
    [settings.gapSeconds],
  );
  const contact = rows[0];
  if (contact === undefined || contact.last === null) return;
  const { rows: open } = await client.query<{ id: string; started_at: Date; over: boolean }>(
    `SELECT id, started_at, started_at < now() - make_interval(secs => $1) AS over FROM mitigation.outage WHERE ended_at IS NULL`,
    [settings.mostSilenceSeconds],
  );
  const [outage] = open;
  if (outage === undefined) {
    const { rows: known } = await client.query('SELECT FROM mitigation.outage WHERE started_at = $1', [contact.last]);
    if (!contact.silent || contact.agents < settings.agentsBefore || known.length > 0) return;
    await client.query(
      `INSERT INTO mitigation.outage (id, started_at, reason) VALUES ($1, $2, 'no agent made contact')`,
      [uuidv7(), contact.last],
    );
    return;
  }
  if (contact.silent && !outage.over) return;
  await client.query('UPDATE mitigation.outage SET ended_at = now() WHERE id = $1', [outage.id]);
  await moveClocks(client, outage.started_at);
}

/** Moves every clock that was running by the time since `startedAt`, or since the run was requested where that is later. */
async function moveClocks(client: ClientBase, startedAt: Date): Promise<void> {
  const clocks = ['queue_due_at', 'total_due_at', 'run_due_at', 'cancel_due_at', 'next_due_at'];
  await client.query(
    `UPDATE mitigation.work SET ${clocks.map((clock) => `${clock} = ${clock} + (now() - greatest($1, requested_at))`).join(', ')}
     WHERE requested_at < now()`,
    [startedAt],
  );
}
