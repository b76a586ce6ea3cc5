import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { clusterVolume, dockerEngine, pullImage, startContainer, volumeName } from './docker.ts';
import { startKafka } from './kafka.ts';
import { kafkaImage as image, kafkaContainerEnv } from './kafka-container.ts';
import { keepChoice, keptChoice } from './kept-choice.ts';
import type { Progress, Provided } from './part.ts';
import type { Settings } from './settings.ts';
import { StartError } from './start-error.ts';

/**
 * Provides Kafka: `KAFKA_BROKERS`, else a Docker engine, else Java 17 or newer with Maven.
 *
 * @throws StartError when the one that is due does not start, with the cure.
 */
export async function provideKafka(settings: Settings, progress: Progress): Promise<Provided> {
  if (settings.kafkaBrokers) return outside(settings.kafkaBrokers);

  const kept = await keptChoice(settings.dataDir, 'kafka');
  if (kept === 'local') return onJava(settings, 'the data is there', progress);
  const engine = await dockerEngine();
  if (kept === 'docker' && !engine) {
    throw new StartError(
      `The Kafka data of ${settings.dataDir} is in a Docker volume, and no Docker engine answers. ` +
        'Start the engine, or set another QUELL_DATA_DIR.',
    );
  }
  if (!engine) return onJava(settings, 'no KAFKA_BROKERS, no Docker engine', progress);
  try {
    await pullImage(image, progress);
  } catch (error) {
    if (kept === 'docker')
      throw new StartError(`The image ${image} cannot be pulled: ${(error as Error).message.trim()}`);
    return onJava(settings, `no KAFKA_BROKERS, and the Docker engine cannot pull ${image}`, progress);
  }
  return inDocker(settings, engine);
}

async function outside(brokers: string): Promise<Provided> {
  const answers = await Promise.all(brokers.split(',').map(accepts));
  if (!answers.includes(true)) {
    throw new StartError(
      `No broker of KAFKA_BROKERS (${brokers}) accepts connections. Correct it, or unset it to start one here.`,
    );
  }
  return { address: brokers, what: `Kafka at ${brokers}`, why: 'KAFKA_BROKERS is set' };
}

function accepts(broker: string): Promise<boolean> {
  const [host, port] = broker.split(':');
  return new Promise((resolve) => {
    const socket = connect({ host: host ?? '', port: Number(port), timeout: 5_000 });
    const answer = (accepted: boolean) => {
      socket.destroy();
      resolve(accepted);
    };
    socket.once('connect', () => answer(true));
    socket.once('timeout', () => answer(false));
    socket.once('error', () => answer(false));
  });
}

async function onJava(settings: Settings, why: string, progress: Progress): Promise<Provided> {
  let told = 0;
  const onDownload = (files: number) => {
    if (told > 0 && files < told + 50) return;
    told = files;
    progress(`fetching Kafka through Maven (first start only), ${files} files so far`);
  };
  const server = await startKafka({ dataDir: join(settings.dataDir, 'kafka'), onDownload });
  await keepChoice(settings.dataDir, 'kafka', 'local');
  return {
    address: server.brokers,
    what: `Apache Kafka on Java at ${server.brokers}`,
    why,
    part: { name: 'kafka', pid: server.pid, ended: server.ended, stop: server.stop },
  };
}

async function inDocker(settings: Settings, engine: string): Promise<Provided> {
  const volume = volumeName('kafka', settings.dataDir);
  const clusterId = await clusterVolume(volume);
  const { server, hostPort } = await startContainer({
    image,
    volume,
    dataPath: '/var/lib/kafka/data',
    port: 9092,
    env: (port) => ({ ...kafkaContainerEnv(`127.0.0.1:${port}`), CLUSTER_ID: clusterId }),
    command: [],
    logFile: join(settings.dataDir, 'logs', 'kafka.log'),
    stopSignal: 'SIGTERM',
    orphanSignal: 'SIGTERM',
  });
  let gone: string | undefined;
  server.ended.then(({ reason }) => {
    gone = reason;
  });
  while (!server.logged().includes('Kafka Server started')) {
    if (gone !== undefined) throw new StartError(`Kafka in Docker ended while starting: ${gone}`);
    await delay(100);
  }
  await keepChoice(settings.dataDir, 'kafka', 'docker');
  return {
    address: `127.0.0.1:${hostPort}`,
    what: `Apache Kafka in Docker (${image}) at 127.0.0.1:${hostPort}`,
    why: `no KAFKA_BROKERS, Docker engine ${engine}`,
    part: { name: 'kafka', pid: server.pid, ended: server.ended, stop: server.stop },
  };
}
