import { randomUUID } from 'node:crypto';
import { eventStoreSql } from '@quell/event-store/schema';
import pg from 'pg';
import { INSERT_MANY, rowsOf } from '../append/raw-writer.ts';
import type { Contender } from '../contest.ts';
import { countCpu } from '../cpu.ts';
import type { Servers } from '../servers.ts';

const ROWS = 500;
const CONNECTIONS = 2;

/** What the machine can do at best: 500 rows of 500 bytes a statement, a primary key, a unique id and a position index, 2 connections. */
export async function rawUnnest(servers: Servers): Promise<Contender & { close(): Promise<void> }> {
  const database = await servers.createDatabase();
  const clients = Array.from({ length: CONNECTIONS }, () => new pg.Client({ connectionString: database.url }));
  await Promise.all(
    clients.map((client) => {
      client.on('error', () => {});
      return client.connect();
    }),
  );
  for (const statement of eventStoreSql('raw')) await clients[0]!.query(statement);

  async function insertFor(seconds: number): Promise<{ items: number; seconds: number }> {
    const from = performance.now();
    const until = from + seconds * 1000;
    let items = 0;
    await Promise.all(
      clients.map(async (client) => {
        while (performance.now() < until) {
          const streams = Array.from({ length: ROWS }, () => randomUUID());
          await client.query({ name: 'raw-many', text: INSERT_MANY, values: rowsOf(streams, 1, randomUUID()) });
          items += ROWS;
        }
      }),
    );
    return { items, seconds: (performance.now() - from) / 1000 };
  }

  return {
    name: 'raw unnest of 500',
    async measure(seconds) {
      await insertFor(0.3);
      const used = countCpu({ postgresPid: servers.postgresPid });
      const done = await insertFor(seconds);
      return { ...done, cpu: used() };
    },
    async close() {
      await Promise.all(clients.map((client) => client.end()));
      await database.drop();
    },
  };
}
