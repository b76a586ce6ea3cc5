import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { addEndpoints } from '../consumer/endpoints.ts';
import type { BenchContext, Contest, Measured } from '../contest.ts';
import { countCpu } from '../cpu.ts';
import { nativeOf, type Stream, sightings, someHosts } from '../detections.ts';
import { adminKey, type ServerProcess, startQuell } from './service.ts';

const PER_SECOND = 100;
/** Looking costs mitigation more than the detection itself, so only one in so many is watched. */
const WATCHED = 10;
const LOOK_EVERY_MS = 15;
const GIVE_UP_MS = 10_000;
const headers = { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' };

/** From the moment a detection is posted until mitigation names its task: real ingest, Kafka, mitigation with its views and relay. */
export async function openVisible({ servers, progress }: BenchContext): Promise<Contest> {
  const database = await servers.createDatabase();
  progress('starting ingest and mitigation');
  const services = await Promise.all([
    startQuell('ingest', servers, database.url),
    startQuell('mitigation', servers, database.url),
  ]);
  const [ingest, mitigation] = services;
  const hosts = someHosts(1000);
  const pool = new pg.Pool({ connectionString: database.url, max: 1 });
  await addEndpoints(pool, hosts);
  await pool.end();
  const stream = sightings(hosts, 0.2);
  await postSteadily(ingest, mitigation, stream, 2);
  return {
    item: 'detection',
    contenders: [
      {
        name: 'ingest and mitigation',
        async measure(seconds) {
          const used = countCpu({ nodePid: mitigation.pid, postgresPid: servers.postgresPid });
          // Few are watched, so it takes longer to have enough of them.
          const measured = await postSteadily(ingest, mitigation, stream, 2 * seconds);
          return { ...measured, cpu: used() };
        },
      },
    ],
    goals: [{ figure: 'p99', better: 'low', limits: { floor: 250, stretch: 100 } }],
    async close() {
      for (const service of services) await service.stop();
      await database.drop();
    },
  };
}

/** One post every 10 ms, whether or not the last is answered: a queue that builds up shows in the latencies. */
export async function postSteadily(
  ingest: ServerProcess,
  mitigation: ServerProcess,
  stream: Stream,
  seconds: number,
): Promise<Pick<Measured, 'items' | 'seconds' | 'latenciesMs'>> {
  const from = performance.now();
  const count = Math.round(seconds * PER_SECOND);
  const underway: Promise<number | undefined>[] = [];
  for (const [n, sighting] of stream.next(count).entries()) {
    await delay(Math.max(0, from + (n * 1000) / PER_SECOND - performance.now()));
    const watched = n % WATCHED === 0 ? mitigation : undefined;
    const one = untilVisible(ingest, watched, JSON.stringify(nativeOf(sighting)));
    one.catch(() => {});
    underway.push(one);
  }
  const latenciesMs = (await Promise.all(underway)).filter((latency) => latency !== undefined);
  return { items: count, seconds: (performance.now() - from) / 1000, latenciesMs };
}

async function untilVisible(
  ingest: ServerProcess,
  mitigation: ServerProcess | undefined,
  body: string,
): Promise<number | undefined> {
  const from = performance.now();
  const posted = await fetch(`${ingest.url}/v1/detections`, { method: 'POST', headers, body });
  const answer = (await posted.json()) as { detectionIds?: string[] };
  const [detectionId] = answer.detectionIds ?? [];
  if (posted.status !== 202) throw new Error(`ingest answered ${posted.status}: ${JSON.stringify(answer)}`);
  if (mitigation === undefined) return undefined;
  while (performance.now() < from + GIVE_UP_MS) {
    const asked = await fetch(`${mitigation.url}/v1/detections/${detectionId}`, { headers });
    const found = (await asked.json()) as { taskId?: string };
    if (found.taskId !== undefined) return performance.now() - from;
    if (asked.status !== 404 && asked.status !== 200) throw new Error(`mitigation answered ${asked.status}`);
    await delay(LOOK_EVERY_MS);
  }
  throw new Error(`detection ${detectionId} had no task after ${GIVE_UP_MS / 1000} s`);
}
