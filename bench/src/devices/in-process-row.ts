import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { deviceQuery } from '@quell/contracts/device-query';
import { SegmentBuilder } from '@quell/device-registry/search/index/build-segment';
import { DeviceIndex } from '@quell/device-registry/search/index/device-index';
import type { BenchContext, Contender, Contest, Fact } from '../contest.ts';
import { countCpu } from '../cpu.ts';
import { generateDevices, seededRandom } from './generate.ts';
import { keystrokes } from './keystrokes.ts';
import { tantivyPeer } from './peers/tantivy.ts';
import { writeDevices } from './registry.ts';

const WARM_UP_SECONDS = 10;

/** The index alone beside tantivy, each in its own process without HTTP. */
export async function openDevicesInProcess({ servers, settings, progress }: BenchContext): Promise<Contest> {
  progress(`building the index of ${settings.devices} devices`);
  const started = performance.now();
  const builder = new SegmentBuilder();
  for (const device of generateDevices(settings.devices)) builder.add(device);
  const index = new DeviceIndex(builder.finish());
  for (const _ of index.warmUp());
  const buildSeconds = (performance.now() - started) / 1000;
  const typed = keystrokes([...generateDevices(5000)], 20_000, seededRandom(11));
  const queries = typed.map((keystroke) => deviceQuery.parse(keystroke));
  const peer = await openTantivy().catch((error) => {
    progress(`without tantivy: ${(error as Error).message}`);
    return undefined;
  });
  let at = 0;
  const ours: Contender = {
    name: 'device index',
    async measure(seconds) {
      const latenciesMs: number[] = [];
      const used = countCpu({});
      const from = performance.now();
      while (performance.now() < from + seconds * 1000) {
        const began = performance.now();
        index.search({ query: queries[at++ % queries.length]!, limit: 20 });
        latenciesMs.push(performance.now() - began);
      }
      return { items: latenciesMs.length, seconds: (performance.now() - from) / 1000, cpu: used(), latenciesMs };
    },
  };
  const contenders: [Contender, ...Contender[]] = [ours];
  if (peer !== undefined) {
    contenders.push({
      name: 'tantivy 0.27',
      async measure(seconds) {
        const { latenciesMs, cpuMicroseconds } = await peer.measure(seconds);
        return { items: latenciesMs.length, seconds, cpu: { node: cpuMicroseconds }, latenciesMs };
      },
    });
  }
  // Thousands of keystrokes for ours: the first of a kind fills what later ones take from memory, as in a service that runs for days.
  for (const { measure } of contenders) await measure(WARM_UP_SECONDS);
  return {
    item: 'keystroke',
    contenders,
    goals: [
      { figure: 'p99', against: 'tantivy 0.27', better: 'high', limits: { floor: 1.5, stretch: 3 } },
      { figure: 'throughput', against: 'tantivy 0.27', better: 'high' },
      { figure: 'cpu', against: 'tantivy 0.27', better: 'low' },
    ],
    async facts() {
      const { bytes, cacheBytes } = index.counts();
      const facts: Fact[] = [
        { name: 'build from memory', value: buildSeconds, unit: 's' },
        { name: 'index and what it keeps of answers', value: (bytes + cacheBytes) / 1_000_000, unit: 'MB' },
      ];
      if (peer !== undefined) {
        facts.push({ name: 'tantivy: build', value: peer.buildSeconds, unit: 's' });
        facts.push({ name: 'tantivy: memory of the process', value: peer.rssBytes / 1_000_000, unit: 'MB' });
      }
      return facts;
    },
    async close() {
      await peer?.close();
    },
  };

  async function openTantivy() {
    const [devicesFile, keystrokesFile] = [join(servers.dir, 'devices.ndjson'), join(servers.dir, 'typed.ndjson')];
    await writeDevices(devicesFile, settings.devices);
    await pipeline(Readable.from(typed.map((one) => `${JSON.stringify(one)}\n`)), createWriteStream(keystrokesFile));
    progress(`building the index of tantivy`);
    return tantivyPeer(servers.dir, devicesFile, keystrokesFile);
  }
}
