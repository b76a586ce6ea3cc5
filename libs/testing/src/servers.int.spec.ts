import { connect } from 'node:net';
import pg from 'pg';
import { eventually } from './eventually.ts';
import { testKafka } from './kafka.ts';
import { freshDatabase } from './postgres.ts';

test('two fresh databases are empty and apart, and a dropped one is gone', async () => {
  const [one, two] = await Promise.all([freshDatabase(), freshDatabase()]);
  const client = new pg.Client({ connectionString: one.url });
  await client.connect();
  await client.query('CREATE TABLE only_here ()');
  const other = new pg.Client({ connectionString: two.url });
  await other.connect();
  const { rows } = await other.query(
    `SELECT to_regclass('only_here') AS found, current_setting('server_version_num')::int AS v`,
  );
  expect(rows[0].found).toBeNull();
  expect(rows[0].v).toBeGreaterThanOrEqual(170000);
  await other.end();
  await client.end();

  await Promise.all([one.drop(), two.drop()]);
  const late = new pg.Client({ connectionString: one.url });
  await expect(late.connect()).rejects.toThrow(/does not exist/);
});

test('the Kafka of the run accepts connections', async () => {
  const [host, port] = (testKafka().brokers[0] ?? '').split(':');
  await eventually(
    () =>
      new Promise<boolean>((resolve, reject) => {
        const socket = connect(Number(port), host, () => {
          socket.destroy();
          resolve(true);
        });
        socket.once('error', reject);
      }),
    { timeoutMs: 2_000 },
  );
});
