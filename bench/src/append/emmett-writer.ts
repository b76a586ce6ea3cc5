import { randomUUID } from 'node:crypto';
import { getPostgreSQLEventStore } from '@event-driven-io/emmett-postgresql';
import pg from 'pg';
import { APPENDS_PER_STREAM, data, type, type Writer } from './writer.ts';

/** Through emmett, the way its documentation shows: one store, its pool, `appendToStream` with the expected version. */
export async function emmettWriters(
  url: string,
  count: number,
  events: number,
): Promise<{ writers: Writer[]; close(): Promise<void> }> {
  const pool = new pg.Pool({ connectionString: url, max: count });
  pool.on('error', () => {});
  const store = getPostgreSQLEventStore(url, { connectionOptions: { pool } });
  await store.schema.migrate();
  const writer = (): Writer => {
    let stream = `task-${randomUUID()}`;
    let version = 0n;
    return async () => {
      const fresh = Array.from({ length: events }, () => ({ type, data }));
      const { nextExpectedStreamVersion } = await store.appendToStream(stream, fresh, {
        expectedStreamVersion: version === 0n ? 'STREAM_DOES_NOT_EXIST' : version,
      });
      version = nextExpectedStreamVersion;
      if (version === BigInt(APPENDS_PER_STREAM * events)) {
        stream = `task-${randomUUID()}`;
        version = 0n;
      }
    };
  };
  return {
    writers: Array.from({ length: count }, writer),
    async close() {
      await store.close();
      await pool.end();
    },
  };
}
