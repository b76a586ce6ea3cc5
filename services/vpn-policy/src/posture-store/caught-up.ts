import type { Broker } from '@quell/messaging/broker';
import type { Pool } from 'pg';
import { postureTopics } from './consumer.ts';

interface Target {
  readonly topic: string;
  readonly partition: number;
  readonly high: bigint;
}

/**
 * A readiness check that passes for good once everything was taken that the topics held when it was first asked. Before that, a device
 * with a threat may still look clean: a new database, or one that was away for long, must not let it in.
 *
 * @returns why not yet, or undefined
 */
export function postureCaughtUp(
  { pool, broker }: { readonly pool: Pool; readonly broker: Broker },
  followed: readonly string[] = postureTopics,
): () => Promise<string | undefined> {
  let targets: Promise<Target[]> | undefined;
  let done = false;
  return async () => {
    if (done) return undefined;
    targets ??= targetsOf(broker, followed).catch((error: unknown) => {
      targets = undefined;
      throw error;
    });
    const behind = await behindOf(pool, await targets);
    done = behind === 0n;
    return done ? undefined : `posture has ${behind} records to take`;
  };
}

async function targetsOf(broker: Broker, followed: readonly string[]): Promise<Target[]> {
  const all = await Promise.all(
    followed.map(async (topic) => (await broker.admin.offsets(topic)).map((offsets) => ({ topic, ...offsets }))),
  );
  // Where nothing is left to read, nothing will be noted in the inbox either.
  return all.flat().filter(({ low, high }) => high > low);
}

async function behindOf(pool: Pool, targets: readonly Target[]): Promise<bigint> {
  const { rows } = await pool.query<{ behind: string }>(
    `SELECT coalesce(sum(greatest(t.high - coalesce(i.next_offset, 0), 0)), 0)::bigint AS behind
     FROM unnest($1::text[], $2::int[], $3::bigint[]) AS t (topic, partition, high)
     LEFT JOIN vpn_policy.inbox i ON i.topic = t.topic AND i.partition = t.partition`,
    [
      targets.map(({ topic }) => topic),
      targets.map(({ partition }) => partition),
      targets.map(({ high }) => String(high)),
    ],
  );
  return BigInt(rows[0]?.behind ?? 0);
}
