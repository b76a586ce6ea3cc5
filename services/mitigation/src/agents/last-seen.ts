import type { Log } from '@quell/service-kit/log';
import { inTransaction } from '@quell/service-kit/transaction';
import type { Pool } from 'pg';

/** How often contacts are written: an agent may look out of contact by so much longer than it is. */
const FLUSH_MS = 1000;

// Rows in one order, so that two replicas that write the same agents cannot lock each other out.
const WRITE = `
  INSERT INTO mitigation.agent_last_seen AS s (agent_id, last_seen_at)
  SELECT * FROM unnest($1::text[], $2::timestamptz[]) AS seen (agent_id, at) ORDER BY agent_id
  ON CONFLICT (agent_id) DO UPDATE SET last_seen_at = EXCLUDED.last_seen_at WHERE s.last_seen_at < EXCLUDED.last_seen_at`;

/** When each agent made contact last, written for many agents at once. A crash loses a second of it at most. */
export class LastSeen {
  readonly #pool: Pool;
  readonly #log: Log;
  #seen = new Map<string, Date>();
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(pool: Pool, log: Log) {
    this.#pool = pool;
    this.#log = log;
  }

  seen(agentId: string, at: Date): void {
    this.#seen.set(agentId, at);
  }

  start(): void {
    this.#timer = setInterval(() => {
      this.flush().catch((err: unknown) => this.#log.warn({ err }, 'contacts of agents were not written'));
    }, FLUSH_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.flush();
  }

  /** Writes what is waiting; resolves once it is committed. What could not be written waits for the next time. */
  flush(): Promise<void> {
    const write = this.#writing.then(() => this.#write());
    this.#writing = write.catch(() => {});
    return write;
  }

  async #write(): Promise<void> {
    if (this.#seen.size === 0) return;
    const rows = [...this.#seen];
    this.#seen = new Map();
    try {
      await inTransaction(this.#pool, async (client) => {
        await client.query('SET LOCAL synchronous_commit = off');
        await client.query(WRITE, [rows.map(([agentId]) => agentId), rows.map(([, at]) => at)]);
      });
    } catch (error) {
      for (const [agentId, at] of rows) if (!this.#seen.has(agentId)) this.#seen.set(agentId, at);
      throw error;
    }
  }
}
