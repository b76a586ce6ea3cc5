import { join } from 'node:path';
import { freePort } from '@quell/local/free-port';
import { startKafka } from '@quell/local/kafka';
import { kafkaContainerEnv, kafkaImage } from '@quell/local/kafka-container';
import { startPostgres } from '@quell/local/postgres';
import type { ServerName } from './servers.ts';

/** A server kept for one jest run. */
export interface TestServer {
  /** Postgres: superuser URL; Kafka: brokers, separated by commas. */
  readonly address: string;
  stop(): Promise<void>;
}

/** Starts one server: in a container where there is an engine, else the local one with its data below `dir`. */
export async function startTestServer(server: ServerName, dir: string): Promise<TestServer> {
  const containers = await hasContainerRuntime();
  switch (server) {
    case 'postgres':
      return containers ? postgresContainer() : localPostgres(join(dir, 'postgres'));
    case 'kafka':
      return containers ? kafkaContainer() : localKafka(join(dir, 'kafka'));
  }
}

/** Whether testcontainers finds an engine. */
export async function hasContainerRuntime(): Promise<boolean> {
  const { getContainerRuntimeClient } = await testcontainers();
  return getContainerRuntimeClient().then(
    () => true,
    () => false,
  );
}

/** Loaded late: it costs a second, and most runs ask for no server. */
function testcontainers() {
  return import('testcontainers');
}

async function localPostgres(dataDir: string): Promise<TestServer> {
  // The data lives as long as the run: what a killed process wrote survives without fsync, and no test cuts the power.
  const postgres = await startPostgres({ dataDir, settings: { fsync: 'off', full_page_writes: 'off' } });
  return { address: postgres.url, stop: postgres.stop };
}

async function localKafka(dataDir: string): Promise<TestServer> {
  const javaOptions = ['-Xms128m', '-Xmx384m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'];
  const kafka = await startKafka({ dataDir, javaOptions });
  return { address: kafka.brokers, stop: kafka.stop };
}

async function postgresContainer(): Promise<TestServer> {
  const { GenericContainer, Wait } = await testcontainers();
  const container = await new GenericContainer('postgres:18-alpine')
    .withEnvironment({ POSTGRES_PASSWORD: 'test' })
    .withCommand(['postgres', '-c', 'max_connections=200', '-c', 'fsync=off'])
    .withExposedPorts(5432)
    .withWaitStrategy(Wait.forLogMessage(/ready to accept connections/, 2))
    .start();
  const address = `postgres://postgres:test@${container.getHost()}:${container.getMappedPort(5432)}/postgres`;
  return { address, stop: () => container.stop().then(() => {}) };
}

async function kafkaContainer(): Promise<TestServer> {
  const { GenericContainer, getContainerRuntimeClient, Wait } = await testcontainers();
  // The address a broker advertises must be known before it starts, so the host's port is chosen first.
  const { host } = (await getContainerRuntimeClient()).info.containerRuntime;
  const port = await freePort();
  const container = await new GenericContainer(kafkaImage)
    .withEnvironment(kafkaContainerEnv(`${host}:${port}`))
    .withExposedPorts({ container: 9092, host: port })
    .withWaitStrategy(Wait.forLogMessage(/Kafka Server started/))
    .start();
  return { address: `${host}:${port}`, stop: () => container.stop().then(() => {}) };
}
