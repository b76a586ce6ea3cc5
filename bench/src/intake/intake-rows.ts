import type { BenchContext, Contender, Contest } from '../contest.ts';
import { countCpu } from '../cpu.ts';
import { nativeOf, sightings, someHosts } from '../detections.ts';
import { loadFor, postRequest } from './http-load.ts';
import { rawProducer } from './raw-producer.ts';
import { adminKey, type ServerProcess, startOwn, startQuell } from './service.ts';

const CONNECTIONS = 64;
const BATCH = 100;
const BODIES = 100;

export async function openIntakeBatch({ servers, progress }: BenchContext): Promise<Contest> {
  const database = await servers.createDatabase();
  progress('starting ingest');
  const ingest = await startQuell('ingest', servers, database.url);
  const detections = someDetections(BODIES * BATCH);
  const bodies = Array.from({ length: BODIES }, (_, n) => detections.slice(n * BATCH, (n + 1) * BATCH));
  const raw = await rawProducer(await servers.kafka(), detections);
  const ours = posting(
    'ingest',
    ingest,
    bodies.map((body) => JSON.stringify(body)),
    BATCH,
  );
  progress('warming up Kafka');
  await raw.measure(1);
  await ours.measure(2);
  return {
    item: 'detection',
    contenders: [ours, raw],
    goals: [
      { figure: 'throughput', against: raw.name, better: 'high', limits: { floor: 0.25, stretch: 0.5 } },
      { figure: 'p99', better: 'low', limits: { floor: 500, stretch: 200 } },
    ],
    async close() {
      await ingest.stop();
      await raw.close();
      await database.drop();
    },
  };
}

export async function openIntakeSingle({ servers, progress }: BenchContext): Promise<Contest> {
  const database = await servers.createDatabase();
  progress('starting ingest, ingest without Kafka, bare node http');
  const started = await Promise.all([
    startOwn('intake-without-kafka', servers, database.url),
    startOwn('bare-server', servers, database.url),
    startQuell('ingest', servers, database.url),
  ]);
  const [withoutKafka, bare, ingest] = started;
  const bodies = someDetections(2000).map((detection) => JSON.stringify(detection));
  const [ours, reference, whole] = [
    posting('intake, no Kafka', withoutKafka, bodies, 1),
    posting('bare node http', bare, bodies, 1),
    posting('ingest with Kafka', ingest, bodies, 1),
  ];
  // So much more code than the bare server's takes seconds of load until it is compiled.
  progress('warming up');
  for (const each of [ours, whole]) await each.measure(3);
  return {
    item: 'request',
    contenders: [ours, reference, whole],
    goals: [{ figure: 'cpu', against: 'bare node http', better: 'low', limits: { floor: 2.2, stretch: 1.9 } }],
    async close() {
      for (const server of started) await server.stop();
      await database.drop();
    },
  };
}

/** Posts these bodies on 64 connections; counts the detections in them and the CPU of the server's process. */
function posting(name: string, server: ServerProcess, bodies: readonly string[], perBody: number): Contender {
  const headers = { authorization: `Bearer ${adminKey}` };
  const requests = bodies.map((body) => postRequest('/v1/detections', new URL(server.url).host, headers, body));
  const load = (seconds: number) => loadFor(server.url, requests, { connections: CONNECTIONS, seconds, status: 202 });
  return {
    name,
    async measure(seconds) {
      await load(0.5);
      const used = countCpu({ nodePid: server.pid });
      const { requests: answered, seconds: taken, latenciesMs } = await load(seconds);
      return { items: answered * perBody, seconds: taken, cpu: used(), latenciesMs };
    },
  };
}

function someDetections(count: number): Record<string, unknown>[] {
  return sightings(someHosts(1000), 1).next(count).map(nativeOf);
}
