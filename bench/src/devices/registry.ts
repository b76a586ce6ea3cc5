import { createReadStream, createWriteStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { Agent } from 'node:http';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { JobDto } from '@quell/contracts/job';
import { adminKey, type ServerProcess, startQuell } from '../intake/service.ts';
import type { Servers } from '../servers.ts';
import { exchange } from './exchange.ts';
import { generateDevices } from './generate.ts';
import type { Keystroke } from './keystrokes.ts';

const authorization = `Bearer ${adminKey}`;

/** A real device-registry that was started on devices which were imported before. */
export interface LoadedRegistry {
  readonly pid: number;
  /** From the upload's first byte until the job had succeeded. */
  readonly importSeconds: number;
  /** From the start of the process until it was ready. */
  readonly coldStartSeconds: number;
  /** @returns how many the query finds in all. */
  search(keystroke: Keystroke): Promise<number>;
  call(method: string, path: string, body?: object): Promise<unknown>;
  /** Of the process, in bytes; undefined where there is no /proc. */
  residentBytes(): Promise<number | undefined>;
  /** One of its figures for Prometheus. */
  figure(name: string): Promise<number>;
  close(): Promise<void>;
}

/** Writes the devices as NDJSON, as an import takes them. */
export async function writeDevices(file: string, count: number): Promise<void> {
  function* lines(): Generator<string> {
    for (const { version: _, lastSeenAt: __, ...device } of generateDevices(count)) yield `${JSON.stringify(device)}\n`;
  }
  await pipeline(Readable.from(lines()), createWriteStream(file));
}

export async function loadedRegistry(
  servers: Servers,
  count: number,
  progress: (text: string) => void,
): Promise<LoadedRegistry> {
  const database = await servers.createDatabase();
  const ingest = await startQuell('ingest', servers, database.url);
  const first = await startQuell('device-registry', servers, database.url);
  await untilReady(first);
  const file = join(servers.dir, 'devices.ndjson');
  await writeDevices(file, count);
  progress(`importing ${count} devices`);
  const importSeconds = await importAll(first, file, count, progress);
  await first.stop();
  progress('starting the registry again');
  const started = performance.now();
  const registry = await startQuell('device-registry', servers, database.url);
  await untilReady(registry);
  const coldStartSeconds = (performance.now() - started) / 1000;
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  const port = Number(new URL(registry.url).port);
  const send = (method: string, path: string, body?: object) =>
    exchange({
      agent,
      port,
      method,
      path,
      authorization,
      ...(body === undefined ? {} : { body: JSON.stringify(body), type: 'application/json' }),
    });
  return {
    pid: registry.pid,
    importSeconds,
    coldStartSeconds,
    async search(keystroke) {
      const page = JSON.parse(await send('GET', `/v1/devices?${parametersOf(keystroke)}`)) as {
        total?: number;
        complete: boolean;
      };
      if (!page.complete || page.total === undefined) throw new Error('the registry answered without its index');
      return page.total;
    },
    async call(method, path, body) {
      const text = await send(method, path, body);
      return text === '' ? undefined : JSON.parse(text);
    },
    async residentBytes() {
      const status = await readFile(`/proc/${registry.pid}/status`, 'utf8').catch(() => '');
      const kilobytes = /^VmRSS:\s+(\d+)/m.exec(status)?.[1];
      return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
    },
    async figure(name) {
      const text = await send('GET', '/metrics');
      const value = new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'm').exec(text)?.[1];
      if (value === undefined) throw new Error(`the registry has no figure ${name}`);
      return Number(value);
    },
    async close() {
      agent.destroy();
      await registry.stop();
      await ingest.stop();
      await database.drop();
    },
  };
}

async function importAll(
  { url }: ServerProcess,
  file: string,
  count: number,
  progress: (text: string) => void,
): Promise<number> {
  const started = performance.now();
  const answer = await fetch(`${url}/v1/devices/import`, {
    method: 'POST',
    headers: { authorization, 'content-type': 'application/x-ndjson', prefer: 'respond-async' },
    body: Readable.toWeb(createReadStream(file)) as ReadableStream,
    duplex: 'half',
  } as RequestInit);
  if (answer.status !== 202) throw new Error(`the import answered ${answer.status}: ${await answer.text()}`);
  const { id } = (await answer.json()) as JobDto;
  let told = 0;
  for (;;) {
    const asked = await fetch(`${url}/v1/devices/jobs/${id}`, { headers: { authorization } });
    const job = (await asked.json()) as JobDto;
    if (job.state === 'succeeded') {
      if (job.progress.done !== count || job.progress.failed > 0) {
        throw new Error(`the import took ${job.progress.done} of ${count}, ${job.progress.failed} refused`);
      }
      return (performance.now() - started) / 1000;
    }
    if (job.state !== 'queued' && job.state !== 'running') throw new Error(`the import ${job.state}: ${job.error}`);
    if (job.progress.done >= told + 100_000) {
      told = job.progress.done;
      progress(`imported ${told}`);
    }
    await delay(200);
  }
}

async function untilReady({ url }: ServerProcess): Promise<void> {
  const end = performance.now() + 120_000;
  for (;;) {
    const answer = await fetch(`${url}/readyz`);
    if (answer.ok) return;
    if (performance.now() > end) throw new Error(`the registry is not ready: ${await answer.text()}`);
    await delay(20);
  }
}

function parametersOf({ q, feature, match }: Keystroke): URLSearchParams {
  const parameters = new URLSearchParams({ q, match, limit: '20' });
  for (const one of feature) parameters.append('feature', one);
  return parameters;
}
