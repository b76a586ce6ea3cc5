import { join } from 'node:path';
import { freePort } from '@quell/local/free-port';
import { startKafka } from '@quell/local/kafka';
import { startPostgres } from '@quell/local/postgres';
import { GenericContainer, getContainerRuntimeClient, Wait } from 'testcontainers';
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

/** Whether testcontainers finds an engine; answers in milliseconds. */
export async function hasContainerRuntime(): Promise<boolean> {
  return getContainerRuntimeClient().then(
    () => true,
    () => false,
  );
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
  // The address a broker advertises must be known before it starts, so the host's port is chosen first.
  const { host } = (await getContainerRuntimeClient()).info.containerRuntime;
  const port = await freePort();
  const container = await new GenericContainer('apache/kafka:4.4.0')
    .withEnvironment({
      KAFKA_NODE_ID: '1',
      KAFKA_PROCESS_ROLES: 'broker,controller',
      KAFKA_LISTENERS: 'BROKER://:9092,CONTROLLER://:9093',
      KAFKA_ADVERTISED_LISTENERS: `BROKER://${host}:${port}`,
      KAFKA_LISTENER_SECURITY_PROTOCOL_MAP: 'BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT',
      KAFKA_INTER_BROKER_LISTENER_NAME: 'BROKER',
      KAFKA_CONTROLLER_LISTENER_NAMES: 'CONTROLLER',
      KAFKA_CONTROLLER_QUORUM_VOTERS: '1@localhost:9093',
      KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR: '1',
      KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR: '1',
      KAFKA_TRANSACTION_STATE_LOG_MIN_ISR: '1',
      KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS: '0',
      KAFKA_AUTO_CREATE_TOPICS_ENABLE: 'false',
    })
    .withExposedPorts({ container: 9092, host: port })
    .withWaitStrategy(Wait.forLogMessage(/Kafka Server started/))
    .start();
  return { address: `${host}:${port}`, stop: () => container.stop().then(() => {}) };
}
