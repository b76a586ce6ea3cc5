import { eventStoreSql } from '@quell/event-store/schema';
import pg from 'pg';
import type { Contender, OpenContest } from '../contest.ts';
import { countCpu } from '../cpu.ts';
import { emmettWriters } from './emmett-writer.ts';
import { quellWriter } from './quell-writer.ts';
import { rawWriter } from './raw-writer.ts';
import type { Writer } from './writer.ts';

const WRITERS = 8;
/** `append` against a bare INSERT into the same table and against emmett; `events` are in each append. */
export function appendRow(events: number): OpenContest {
  return async ({ servers }) => {
    const database = await servers.createDatabase();
    const clients = Array.from({ length: 2 * WRITERS }, () => new pg.Client({ connectionString: database.url }));
    await Promise.all(
      clients.map((client) => {
        client.on('error', () => {});
        return client.connect();
      }),
    );
    for (const schema of ['quell', 'raw']) {
      for (const statement of eventStoreSql(schema)) await clients[0]!.query(statement);
    }
    // performance.md sets goals for single events only.
    const goal = (floor: number, stretch: number) => (events === 1 ? { limits: { floor, stretch } } : {});
    const emmett = await emmettWriters(database.url, WRITERS, events);
    const contender = (name: string, writers: readonly Writer[]): Contender => ({
      name,
      measure: async (seconds) => {
        await writeFor(writers, 0.3);
        const used = countCpu({ postgresPid: servers.postgresPid });
        const done = await writeFor(writers, seconds);
        return { ...done, cpu: used() };
      },
    });
    return {
      item: 'append',
      contenders: [
        contender(
          '@quell/event-store',
          clients.slice(0, WRITERS).map((client) => quellWriter(client, events)),
        ),
        contender(
          'raw insert',
          clients.slice(WRITERS).map((client) => rawWriter(client, events)),
        ),
        contender('emmett-postgresql', emmett.writers),
      ],
      goals: [
        { figure: 'throughput', against: 'raw insert', better: 'high', ...goal(0.7, 0.83) },
        { figure: 'throughput', against: 'emmett-postgresql', better: 'high', ...goal(1.5, 2.3) },
        { figure: 'cpu', against: 'raw insert', better: 'low' },
        { figure: 'cpu', against: 'emmett-postgresql', better: 'low' },
      ],
      async close() {
        await emmett.close();
        await Promise.all(clients.map((client) => client.end()));
        await database.drop();
      },
    };
  };
}

async function writeFor(writers: readonly Writer[], seconds: number): Promise<{ items: number; seconds: number }> {
  const from = performance.now();
  const until = from + seconds * 1000;
  let items = 0;
  await Promise.all(
    writers.map(async (write) => {
      while (performance.now() < until) {
        await write();
        items++;
      }
    }),
  );
  return { items, seconds: (performance.now() - from) / 1000 };
}
