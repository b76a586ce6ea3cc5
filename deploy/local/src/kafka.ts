import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { freePort, portProblem } from './free-port.ts';
import { type GuardedServer, startGuarded } from './guarded-server.ts';
import { java17, kafkaJars, kafkaLogConfig } from './kafka-jars.ts';
import { StartError } from './start-error.ts';

const run = promisify(execFile);

/** How to start a local Kafka. */
export interface KafkaOptions {
  /** Holds the log segments, the broker's configuration and its log; made when missing. */
  readonly dataDir: string;
  /** Default: a free port. May differ at each start. */
  readonly port?: number;
  /** Options for the Java machine. Default: a heap of at most 384 MB, and a quick start. */
  readonly javaOptions?: readonly string[];
  /** How long to wait for a former server to let go of the data. Default 15 s. */
  readonly patienceMs?: number;
  /** Extra broker settings, such as `{ 'log.segment.bytes': '1048576' }`. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Told how many files Maven has fetched so far, at the first start on a machine. */
  readonly onDownload?: (files: number) => void;
}

/** A running local Kafka. */
export interface LocalKafka {
  /** For `KAFKA_BROKERS`. */
  readonly brokers: string;
  /** Made at the first start, kept with the data: other data is another cluster. */
  readonly clusterId: string;
  readonly pid: number;
  /** Resolves once the broker is gone, with the last line it logged. */
  readonly ended: Promise<{ reason: string }>;
  stop(): Promise<void>;
}

// Optimising compilation sets in ten times later than usual: at a start it would take a third of the processor time.
const defaultJavaOptions = [
  ...['-Xms128m', '-Xmx384m', '-XX:+UseSerialGC'],
  ...['-XX:Tier4InvocationThreshold=50000', '-XX:Tier4MinInvocationThreshold=6000'],
  ...['-XX:Tier4CompileThreshold=150000', '-XX:Tier4BackEdgeThreshold=400000'],
];

/**
 * Starts Apache Kafka (KRaft, one node, loopback) on Java 17 or newer, fetched through Maven at the first start. The broker
 * ends with this process, however it ends.
 *
 * @throws StartError when Java or Maven is missing, the port is taken, or another live broker keeps the data.
 */
export async function startKafka(options: KafkaOptions): Promise<LocalKafka> {
  const dataDir = resolve(options.dataDir);
  if (options.port !== undefined && (await portProblem('127.0.0.1', options.port))) {
    throw new StartError(`Port ${options.port} for Kafka is taken. Stop what uses it, or choose another.`);
  }
  const java = await java17();
  const classPath = join(await kafkaJars(options.onDownload), '*');
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const clusterId = await formatted(dataDir, java, classPath);

  const deadline = Date.now() + (options.patienceMs ?? 15_000);
  for (;;) {
    const port = options.port ?? (await freePort());
    const configFile = join(dataDir, 'server.properties');
    await writeFile(configFile, properties(join(dataDir, 'data'), port, await freePort(), options.settings ?? {}));
    const server = await startServer(dataDir, java, classPath, configFile, options.javaOptions);
    if (await started(server)) {
      await writeFile(join(dataDir, 'kafka.pid'), String(server.pid));
      return { brokers: `127.0.0.1:${port}`, clusterId, pid: server.pid, ended: server.ended, stop: server.stop };
    }

    const log = server.logged();
    const portTaken = /Address already in use/.test(log);
    const dataInUse = /Failed to acquire lock on file/.test(log);
    if (!portTaken && !dataInUse) {
      throw new StartError(`Kafka ended while starting: ${failure(log)} (${join(dataDir, 'kafka.log')})`);
    }
    if (Date.now() > deadline) {
      const pid = await readFile(join(dataDir, 'kafka.pid'), 'utf8').catch(() => 'unknown');
      throw new StartError(
        dataInUse
          ? `The Kafka data in ${dataDir} is in use by process ${pid}. Stop that process, or choose another QUELL_DATA_DIR.`
          : 'The port for Kafka was taken meanwhile. Start again.',
      );
    }
    await delay(300);
  }
}

function properties(
  dir: string,
  port: number,
  controllerPort: number,
  extra: Readonly<Record<string, string>>,
): string {
  const settings = {
    'process.roles': 'broker,controller',
    'node.id': '1',
    // Static voters are read at each start; those of --standalone are stored with their port, which may change here.
    'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
    listeners: `BROKER://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    'advertised.listeners': `BROKER://127.0.0.1:${port}`,
    'listener.security.protocol.map': 'BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'inter.broker.listener.name': 'BROKER',
    'controller.listener.names': 'CONTROLLER',
    // Apart from the log segments: only then Kafka locks the metadata before it writes to it. In one directory a second broker
    // writes its controller's records first and finds the lock later, and both brokers' metadata is broken.
    'metadata.log.dir': join(dir, 'metadata'),
    'log.dirs': join(dir, 'log'),
    'default.replication.factor': '1',
    'min.insync.replicas': '1',
    'offsets.topic.replication.factor': '1',
    'offsets.topic.num.partitions': '8',
    'transaction.state.log.replication.factor': '1',
    'transaction.state.log.min.isr': '1',
    'transaction.state.log.num.partitions': '4',
    'share.coordinator.state.topic.replication.factor': '1',
    'share.coordinator.state.topic.min.isr': '1',
    'group.initial.rebalance.delay.ms': '0',
    'auto.create.topics.enable': 'false',
    // After kill -9 a broker may register again only when its former session has expired (default 9 s).
    'broker.session.timeout.ms': '3000',
    'broker.heartbeat.interval.ms': '400',
    ...extra,
  };
  return Object.entries(settings)
    .map(([name, value]) => `${name}=${value.replaceAll('\\', '\\\\')}\n`)
    .join('');
}

/** Formats the data once; returns its cluster id. A half-formatted one never gets the final name. */
async function formatted(dataDir: string, java: string, classPath: string): Promise<string> {
  const known = await storedClusterId(dataDir);
  if (known) return known;

  const unfinished = join(dataDir, `data.new-${randomBytes(4).toString('hex')}`);
  const configFile = `${unfinished}.properties`;
  // A leading "-" would be read as an option.
  const clusterId = `Q${randomBytes(16).toString('base64url').slice(1)}`;
  try {
    await writeFile(configFile, properties(unfinished, 9092, 9093, {}));
    const options = ['-XX:TieredStopAtLevel=1', `-Dlog4j2.configurationFile=${kafkaLogConfig}`, '-cp', classPath];
    await run(java, [...options, 'kafka.tools.StorageTool', 'format', '-t', clusterId, '-c', configFile]);
    await rename(unfinished, join(dataDir, 'data'));
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true });
    throw new StartError(`Formatting the Kafka data in ${dataDir} failed: ${String((error as Error).message).trim()}`);
  } finally {
    await rm(configFile, { force: true });
  }
  return clusterId;
}

async function storedClusterId(dataDir: string): Promise<string | undefined> {
  const meta = await readFile(join(dataDir, 'data', 'metadata', 'meta.properties'), 'utf8').catch(() => '');
  return /^cluster\.id=(.+)$/m.exec(meta)?.[1];
}

function startServer(
  dataDir: string,
  java: string,
  classPath: string,
  configFile: string,
  javaOptions: readonly string[] = defaultJavaOptions,
): Promise<GuardedServer> {
  return startGuarded(
    {
      command: java,
      args: [
        ...javaOptions,
        // A broker that cannot go on must end, so that its death is seen.
        '-XX:+ExitOnOutOfMemoryError',
        '-Djava.awt.headless=true',
        `-Dlog4j2.configurationFile=${kafkaLogConfig}`,
        '-cp',
        classPath,
        'kafka.Kafka',
        configFile,
      ],
      stopSignal: 'SIGTERM',
      stopWithinMs: 15_000,
      orphanSignal: 'SIGTERM',
      killSignal: 'SIGKILL',
    },
    join(dataDir, 'kafka.log'),
  );
}

/** Waits until the broker serves (true) or is gone (false). The log line is its last step, after registration. */
async function started(server: GuardedServer): Promise<boolean> {
  let gone = false;
  server.ended.then(() => {
    gone = true;
  });
  while (!gone) {
    if (server.logged().includes('Kafka Server started')) return true;
    await delay(40);
  }
  return false;
}

function failure(log: string): string {
  const lines = log.trimEnd().split('\n');
  return lines.find((line) => /ERROR|FATAL|Exception/.test(line)) ?? lines.at(-1) ?? 'no output';
}
