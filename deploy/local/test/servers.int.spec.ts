import { chmod, mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startKafka } from '../src/kafka.ts';
import { startPostgres } from '../src/postgres.ts';

let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'quell-servers-'));
  await chmod(dir, 0o711);
});
afterEach(() => rm(dir, { recursive: true, force: true }));

async function takenPort() {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return { port: address && typeof address === 'object' ? address.port : 0, free: () => server.close() };
}

test('Postgres keeps its password to its owner and starts again on another port', async () => {
  const first = await startPostgres({ dataDir: dir });
  expect((await stat(join(dir, 'password'))).mode & 0o777).toBe(0o600);
  await first.stop();
  const second = await startPostgres({ dataDir: dir });
  expect(new URL(second.url).password).toBe(new URL(first.url).password);
  await second.stop();
  expect((await second.ended).reason).toContain('database system is shut down');
});

test('a second Postgres on live data is refused and names the process that has it', async () => {
  const first = await startPostgres({ dataDir: dir });
  await expect(startPostgres({ dataDir: dir, patienceMs: 500 })).rejects.toThrow(`in use by process ${first.pid}.`);
  await first.stop();
});

test('a taken port is refused with the cure, for Postgres as for Kafka', async () => {
  const taken = await takenPort();
  await expect(startPostgres({ dataDir: join(dir, 'p'), port: taken.port })).rejects.toThrow(
    `Port ${taken.port} for Postgres`,
  );
  await expect(startKafka({ dataDir: join(dir, 'k'), port: taken.port })).rejects.toThrow(
    `Port ${taken.port} for Kafka`,
  );
  taken.free();
});

test('a second Kafka on live data is refused and names the process that has it', async () => {
  const first = await startKafka({ dataDir: dir, javaOptions: ['-Xmx256m', '-XX:TieredStopAtLevel=1'] });
  await expect(startKafka({ dataDir: dir, patienceMs: 500 })).rejects.toThrow(`in use by process ${first.pid}.`);
  expect(await readFile(join(dir, 'data', 'metadata', 'meta.properties'), 'utf8')).toContain(first.clusterId);
  // Two brokers on one metadata log break it, and a broken one does not stop in order.
  await first.stop();
  expect(await readFile(join(dir, 'kafka.log'), 'utf8')).not.toContain('ended by SIGKILL');
});
