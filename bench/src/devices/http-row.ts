import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { BenchContext, Contender, Contest, Fact } from '../contest.ts';
import { countCpu } from '../cpu.ts';
import { percentile } from '../statistics.ts';
import { generateDevices, seededRandom } from './generate.ts';
import { type Keystroke, keystrokes } from './keystrokes.ts';
import { type OpenSearchPeer, openSearchPeer } from './peers/opensearch.ts';
import { type LoadedRegistry, loadedRegistry } from './registry.ts';

const OPEN_LOOP_PER_SECOND = 200;
const WARM_UP_SECONDS = 10;
const MEGABYTE = 1_000_000;

/** One person types: search with filters, exact totals and facets over HTTP, after the same devices were loaded into both. */
export async function openDevicesHttp({ servers, settings, progress }: BenchContext): Promise<Contest> {
  const registry = await loadedRegistry(servers, settings.devices, progress);
  const started = performance.now();
  const peer = await openSearchPeer(servers.dir, generateDevices(settings.devices), progress).catch((error) => {
    progress(`without OpenSearch: ${(error as Error).message}`);
    return undefined;
  });
  const peerSeconds = (performance.now() - started) / 1000;
  const typed = keystrokes([...generateDevices(5000)], 20_000, seededRandom(11));
  const contenders: [Contender, ...Contender[]] = [contender('device-registry', registry, typed)];
  if (peer !== undefined) contenders.push(contender('OpenSearch 2.19', peer, typed));
  // Thousands of keystrokes for ours: the first of a kind fills what later ones take from memory, as in a service that runs for days.
  for (const { measure } of contenders) await measure(WARM_UP_SECONDS);
  return {
    item: 'keystroke',
    contenders,
    goals: [
      { figure: 'p99', better: 'low', limits: { floor: 5, stretch: 2.5 } },
      { figure: 'p99', against: 'OpenSearch 2.19', better: 'high', limits: { floor: 4, stretch: 10 } },
      { figure: 'throughput', against: 'OpenSearch 2.19', better: 'high' },
    ],
    async facts() {
      const resident = await registry.residentBytes();
      const facts: Fact[] = [
        {
          name: `p99 at ${OPEN_LOOP_PER_SECOND} searches a second`,
          value: await openLoop(registry, typed, 4 * settings.seconds),
          unit: 'ms',
          limits: { floor: 10, stretch: 5 },
        },
        {
          name: 'a change is found, p99',
          value: await untilFound(registry, progress),
          unit: 'ms',
          limits: { floor: 1000, stretch: 100 },
        },
        {
          name: 'cold start until ready',
          value: registry.coldStartSeconds,
          unit: 's',
          limits: { floor: 15, stretch: 6 },
        },
        {
          name: 'memory of the index',
          value:
            ((await registry.figure('device_registry_index_bytes')) +
              (await registry.figure('device_registry_index_cache_bytes'))) /
            MEGABYTE,
          unit: 'MB',
          limits: { floor: 350, stretch: 200 },
        },
        { name: 'to register all devices', value: registry.loadSeconds, unit: 's' },
      ];
      if (resident !== undefined) facts.push({ name: 'memory of the process', value: resident / MEGABYTE, unit: 'MB' });
      if (peer === undefined) return facts;
      facts.push({ name: 'OpenSearch: start and load', value: peerSeconds, unit: 's' });
      const peerResident = await residentBytes(peer.pid);
      if (peerResident !== undefined) {
        facts.push({ name: 'OpenSearch: memory of the process', value: peerResident / MEGABYTE, unit: 'MB' });
      }
      return facts;
    },
    async close() {
      await peer?.close();
      await registry.close();
    },
  };
}

function contender(name: string, server: LoadedRegistry | OpenSearchPeer, typed: readonly Keystroke[]): Contender {
  let at = 0;
  return {
    name,
    async measure(seconds) {
      const latenciesMs: number[] = [];
      const used = countCpu({ nodePid: server.pid });
      const from = performance.now();
      while (performance.now() < from + seconds * 1000) {
        const began = performance.now();
        await server.search(typed[at++ % typed.length]!);
        latenciesMs.push(performance.now() - began);
      }
      return { items: latenciesMs.length, seconds: (performance.now() - from) / 1000, cpu: used(), latenciesMs };
    },
  };
}

/** Searches begin by the clock whether or not those before are answered. @returns the p99 in milliseconds. */
async function openLoop(registry: LoadedRegistry, typed: readonly Keystroke[], seconds: number): Promise<number> {
  const latenciesMs: number[] = [];
  const underway: Promise<void>[] = [];
  const from = performance.now();
  for (let n = 0; n < seconds * OPEN_LOOP_PER_SECOND; n++) {
    const due = from + (n * 1000) / OPEN_LOOP_PER_SECOND;
    await delay(Math.max(0, due - performance.now()));
    const one = registry.search(typed[(typed.length / 2 + n) % typed.length]!).then(() => {
      latenciesMs.push(performance.now() - due);
    });
    one.catch(() => {});
    underway.push(one);
  }
  await Promise.all(underway);
  return percentile(latenciesMs, 0.99);
}

/** @returns the p99 in milliseconds from the answer of a registration until a search finds the device. */
async function untilFound(registry: LoadedRegistry, progress: (text: string) => void): Promise<number> {
  progress('registering devices until they are found');
  const latenciesMs: number[] = [];
  for (let n = 0; n < 100; n++) {
    const id = randomUUID();
    await registry.call('POST', '/v1/devices', { id, label: `Bench ${n}` });
    const from = performance.now();
    while ((await registry.search({ q: id, feature: [], match: 'all' })) === 0) {
      if (performance.now() > from + 10_000) throw new Error(`device ${id} was not found within 10 s`);
      await delay(2);
    }
    latenciesMs.push(performance.now() - from);
  }
  return percentile(latenciesMs, 0.99);
}

async function residentBytes(pid: number): Promise<number | undefined> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  const kilobytes = /^VmRSS:\s+(\d+)/m.exec(status)?.[1];
  return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
}
