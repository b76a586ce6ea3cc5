import { randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { Agent } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { deviceFacts } from '@quell/contracts/device';
import { changeDevices, type DeviceChange } from '@quell/device-registry/device-store/change-devices';
import pg from 'pg';
import { adminKey, type ServerProcess, startQuell } from '../intake/service.ts';
import type { Servers } from '../servers.ts';
import { exchange } from './exchange.ts';
import { generateDevices } from './generate.ts';
import type { Keystroke } from './keystrokes.ts';

const authorization = `Bearer ${adminKey}`;

/** Devices in one transaction. */
const BATCH = 2500;

/** A real device-registry that was started on devices which were there before. */
export interface LoadedRegistry {
  readonly pid: number;
  /** Until every device was registered, by the function that imports use, without HTTP, jobs and their pauses. */
  readonly loadSeconds: number;
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
export async function writeDevices(file: string, count: number, seed?: number): Promise<void> {
  function* lines(): Generator<string> {
    for (const { version: _, lastSeenAt: __, ...device } of generateDevices(count, seed))
      yield `${JSON.stringify(device)}\n`;
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
  // The index of a running one would be built again and again meanwhile.
  await first.stop();
  const loadSeconds = await register(database.url, count, progress);
  // A replica that starts finds the topic written, by those that were there before it.
  const second = await startQuell('device-registry', servers, database.url);
  await untilReady(second);
  progress('waiting until devices.v1 has them');
  while ((await figureOf(second, 'device_registry_follower_positions_behind')) > 0) await delay(500);
  await second.stop();
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
    loadSeconds,
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
    figure: (name) => figureOf(registry, name),
    async close() {
      agent.destroy();
      await registry.stop();
      await ingest.stop();
      await database.drop();
    },
  };
}

async function figureOf({ url }: ServerProcess, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`, { headers: { authorization } })).text();
  const value = new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'm').exec(text)?.[1];
  if (value === undefined) throw new Error(`the registry has no figure ${name}`);
  return Number(value);
}

/** @returns how long it took, in seconds. */
async function register(url: string, count: number, progress: (text: string) => void): Promise<number> {
  const pool = new pg.Pool({ connectionString: url, max: 1 });
  const started = performance.now();
  let batch: DeviceChange[] = [];
  let done = 0;
  const flush = async () => {
    const occurredAt = new Date();
    await changeDevices(pool, batch, { actor: 'bench', correlationId: randomUUID(), occurredAt }, { read: 'rows' });
    done += batch.length;
    if (done % 100_000 === 0) progress(`registered ${done} devices`);
    batch = [];
  };
  for (const { version: _, lastSeenAt: __, id, ...facts } of generateDevices(count)) {
    const command = { kind: 'register', source: 'import', facts: deviceFacts.parse(facts) } as const;
    batch.push({ deviceId: id, command, causeId: randomUUID() });
    if (batch.length === BATCH) await flush();
  }
  if (batch.length > 0) await flush();
  await pool.end();
  return (performance.now() - started) / 1000;
}

export async function untilReady({ url }: ServerProcess): Promise<void> {
  const end = performance.now() + 600_000;
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
