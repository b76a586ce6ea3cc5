import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { JobDto } from '@quell/contracts/job';
import pg from 'pg';
import { addEndpoints } from '../consumer/endpoints.ts';
import type { BenchContext, Contest, Measured } from '../contest.ts';
import { countCpu } from '../cpu.ts';
import { sightings, someHosts } from '../detections.ts';
import { adminKey, startQuell } from '../intake/service.ts';
import { postSteadily } from '../intake/visible-row.ts';
import { spreadOf } from '../statistics.ts';
import { untilReady, writeDevices } from './registry.ts';

/** More than an import takes in one repetition. */
const DEVICES = 100_000;
const authorization = `Bearer ${adminKey}`;

/** Whether a large import slows mitigation: detection posted → task named, with an import running on the same Postgres and without. */
export async function openVisibleImporting({ servers, progress }: BenchContext): Promise<Contest> {
  const database = await servers.createDatabase();
  progress('starting ingest, mitigation and device-registry');
  const services = await Promise.all(
    (['ingest', 'mitigation', 'device-registry'] as const).map((name) => startQuell(name, servers, database.url)),
  );
  const [ingest, mitigation, registry] = services as [(typeof services)[0], (typeof services)[0], (typeof services)[0]];
  await untilReady(registry);
  const hosts = someHosts(1000);
  const pool = new pg.Pool({ connectionString: database.url, max: 1 });
  await addEndpoints(pool, hosts);
  await pool.end();
  const stream = sightings(hosts, 0.2);
  const file = join(servers.dir, 'import.ndjson');
  await writeDevices(file, DEVICES);
  await postSteadily(ingest, mitigation, stream, 2);
  const importRates: number[] = [];
  let imports = 0;

  async function call(method: string, path: string, body?: ReadableStream, headers: Record<string, string> = {}) {
    const request = { method, headers: { authorization, ...headers }, ...(body === undefined ? {} : { body }) };
    const answer = await fetch(`${registry.url}${path}`, { ...request, duplex: 'half' } as RequestInit);
    if (!answer.ok) throw new Error(`${path} answered ${answer.status}: ${await answer.text()}`);
    return (await answer.json()) as JobDto;
  }

  async function steadily(seconds: number): Promise<Measured> {
    const used = countCpu({ nodePid: mitigation.pid, postgresPid: servers.postgresPid });
    return { ...(await postSteadily(ingest, mitigation, stream, 2 * seconds)), cpu: used() };
  }

  async function whileImporting(seconds: number): Promise<Measured> {
    imports += 1;
    // Another seed, so that every repetition brings changes.
    await writeDevices(file, DEVICES, 4 + imports);
    const body = Readable.toWeb(createReadStream(file)) as unknown as ReadableStream;
    const headers = { 'content-type': 'application/x-ndjson', prefer: 'respond-async' };
    const { id } = await call('POST', '/v1/devices/import', body, headers);
    const from = performance.now();
    const measured = await steadily(seconds);
    const { state, progress: reached } = await call('GET', `/v1/devices/jobs/${id}`);
    if (state !== 'running') throw new Error(`the import was ${state} when the repetition ended`);
    importRates.push((reached.done * 1000) / (performance.now() - from));
    await call('POST', `/v1/devices/jobs/${id}/cancel`);
    while ((await call('GET', `/v1/devices/jobs/${id}`)).state === 'running') await delay(50);
    return measured;
  }

  return {
    item: 'detection',
    contenders: [
      { name: 'while devices are imported', measure: whileImporting },
      { name: 'alone', measure: steadily },
    ],
    goals: [
      { figure: 'p99', better: 'low' },
      { figure: 'p99', against: 'alone', better: 'high' },
    ],
    async facts() {
      return [{ name: 'devices imported a second meanwhile', value: spreadOf(importRates).median, unit: '' }];
    },
    async close() {
      for (const service of services) await service.stop();
      await database.drop();
    },
  };
}
