import { topics } from '@quell/contracts/topics';
import { uuidv5 } from '@quell/contracts/uuidv5';
import type { Broker } from '@quell/messaging/broker';
import { cloudEventHeaders } from '@quell/messaging/cloudevents';
import type { Log } from '@quell/service-kit/log';
import type { Pool } from 'pg';
import { type ExceptionRow, exceptionRecordOf, SELECT_EXCEPTION } from './exception-row.ts';

const LOOK_EVERY_MS = 500;
const RETRY_AFTER_MS = 5000;
const BATCH = 100;

/**
 * Publishes exceptions on `mitigation-exceptions.v1`, the latest version of each at least once: the rows are the outbox. Replicas may
 * publish the same twice and in any order, since readers keep the greatest version; the last record of each, which compaction keeps, is
 * its latest all the same.
 */
export class ExceptionPublisher {
  readonly #pool: Pool;
  readonly #broker: Pick<Broker, 'publish'>;
  readonly #log: Log;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(pool: Pool, broker: Pick<Broker, 'publish'>, log: Log) {
    this.#pool = pool;
    this.#broker = broker;
    this.#log = log;
  }

  start(): void {
    this.#running = this.#look().then((published) => {
      if (!this.#stopped) this.#timer = setTimeout(() => this.start(), published ? LOOK_EVERY_MS : RETRY_AFTER_MS);
    });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#running;
  }

  /** False when it could not. */
  async #look(): Promise<boolean> {
    try {
      await forgetEndedSuspensions(this.#pool);
      while (!this.#stopped && (await publishExceptions(this.#pool, this.#broker)) === BATCH);
      return true;
    } catch (err) {
      this.#log.warn({ err }, 'exceptions could not be published; they are tried again');
      return false;
    }
  }
}

/** A suspension that ended makes a new version of its exception: readers hear that it covers the endpoint again. */
export async function forgetEndedSuspensions(pool: Pool): Promise<void> {
  await pool.query(
    `WITH ended AS (
       DELETE FROM mitigation.exception_suspension s
       USING (SELECT exception_id, task_id, run FROM mitigation.exception_suspension
              EXCEPT SELECT exception_id, task_id, run FROM mitigation.suspension_in_force) AS o
       -- One that began anew meanwhile has another run.
       WHERE s.exception_id = o.exception_id AND s.task_id = o.task_id AND s.run = o.run
       RETURNING s.exception_id)
     UPDATE mitigation.mitigation_exception SET version = version + 1 WHERE id IN (SELECT exception_id FROM ended)`,
  );
}

// One that changed while it was published may stand behind its newer record: another version comes after both.
const SETTLE = `
  UPDATE mitigation.mitigation_exception e
  SET published_version = greatest(e.published_version, p.version), version = e.version + (e.version > p.version)::int
  FROM unnest($1::uuid[], $2::int[]) AS p (id, version) WHERE e.id = p.id`;

/** Publishes what is not published yet, 100 at most. @returns how many */
export async function publishExceptions(pool: Pool, broker: Pick<Broker, 'publish'>): Promise<number> {
  const { rows } = await pool.query<ExceptionRow>(
    `${SELECT_EXCEPTION} WHERE e.version > e.published_version ORDER BY e.id LIMIT ${BATCH}`,
  );
  if (rows.length === 0) return 0;
  await broker.publish(topics.mitigationExceptions, rows.map(messageOf));
  await pool.query(SETTLE, [rows.map(({ id }) => id), rows.map(({ version }) => version)]);
  return rows.length;
}

function messageOf(row: ExceptionRow) {
  return {
    key: row.id,
    value: JSON.stringify(exceptionRecordOf(row)),
    headers: cloudEventHeaders({
      id: uuidv5(String(row.version), row.id),
      source: '/quell/mitigation',
      type: 'quell.mitigation-exception.v1',
      subject: row.id,
    }),
  };
}
