import { deviceQuery } from '@quell/contracts/device-query';
import { SegmentBuilder } from '@quell/device-registry/search/index/build-segment';
import { DeviceIndex } from '@quell/device-registry/search/index/device-index';
import { generateDevices, seededRandom } from './generate.ts';
import { type Keystroke, keystrokes } from './keystrokes.ts';

/*
 * The index alone, without HTTP: node bench/src/devices/in-process.ts [devices] [keystrokes] [changes]
 * To be run while an index is worked on; the contest with peers is a row of `npm run bench`.
 */

const [count = 1_000_000, typed = 20_000, changes = 0] = process.argv.slice(2).map(Number);
const megabytes = (bytes: number) => `${(bytes / 2 ** 20).toFixed(0)} MB`;
const memory = () => `RSS ${megabytes(process.memoryUsage.rss())}`;
const cpuSeconds = () => (process.cpuUsage().user + process.cpuUsage().system) / 1e6;
let cpuFrom = 0;
const seconds = (from: number) => {
  const text = `${((performance.now() - from) / 1000).toFixed(2)} s (CPU ${(cpuSeconds() - cpuFrom).toFixed(2)} s)`;
  cpuFrom = cpuSeconds();
  return text;
};

const sample = [];
const builder = new SegmentBuilder();
let began = performance.now();
for (const device of generateDevices(count)) {
  builder.add(device);
  if (sample.length < 5_000 && device.version === 1) sample.push(device);
}
console.log(`generated and added ${count} in ${seconds(began)}, ${memory()}`);
began = performance.now();
const segment = builder.finish();
console.log(`finished in ${seconds(began)}, ${memory()}`);
began = performance.now();
const index = new DeviceIndex(segment);
for (const _ of index.warmUp());
console.log(`ready and warm in ${seconds(began)}; base ${megabytes(index.counts().bytes)}, ${memory()}`);
if (process.env.PARTS !== undefined) console.table(partsOf(segment));

let version = 1;
for (const device of generateDevices(changes, 99)) index.apply([{ ...device, version: ++version }]);

const random = seededRandom(11);
const workload = keystrokes(sample, typed, random);
for (const round of ['cold', 'warm']) report(round, measure(workload, false));
report('suggest', measure(workload, true));
console.log(
  `${memory()}, kept ${megabytes(index.counts().cacheBytes)}, heap ${megabytes(process.memoryUsage().heapUsed)}`,
);

interface Timing {
  readonly keystroke: Keystroke;
  readonly ms: number;
  readonly cpu: number;
  readonly total: number;
}

function measure(all: readonly Keystroke[], suggest: boolean): Timing[] {
  return all.map((keystroke) => {
    const query = deviceQuery.parse(keystroke);
    const cpu = process.cpuUsage();
    const start = performance.now();
    const answer = suggest ? index.suggest({ query, limit: 10 }) : index.search({ query, limit: 20 });
    const ms = performance.now() - start;
    const used = process.cpuUsage(cpu);
    return { keystroke, ms, cpu: (used.user + used.system) / 1000, total: 'total' in answer ? answer.total : 0 };
  });
}

function report(name: string, timings: readonly Timing[]): void {
  const line = (label: string, some: readonly Timing[]) => {
    const at = (values: number[], part: number) =>
      values.sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * part))]!.toFixed(2);
    const ms = some.map((one) => one.ms);
    const cpu = some.map((one) => one.cpu);
    const figures = `p50 ${at(ms, 0.5)} p99 ${at(ms, 0.99)} max ${at(ms, 1)} ms; CPU p50 ${at(cpu, 0.5)} p99 ${at(cpu, 0.99)} ms`;
    console.log(`${name.padEnd(8)} ${label.padEnd(5)} ${String(some.length).padStart(6)}  ${figures}`);
  };
  line('all', timings);
  for (const length of [1, 2, 3, 4, 6, 10]) {
    const some = timings.filter(({ keystroke }) => keystroke.q.length === length);
    if (some.length > 0) line(`n=${length}`, some);
  }
  for (const { keystroke, ms, cpu, total } of timings.toSorted((a, b) => b.ms - a.ms).slice(0, 12)) {
    console.log(`         ${ms.toFixed(2)} ms (CPU ${cpu.toFixed(2)}) ${JSON.stringify(keystroke)} ${total}`);
  }
}

function partsOf(parts: object): Record<string, string> {
  const size = (value: unknown): number => {
    if (ArrayBuffer.isView(value)) return value.byteLength;
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return 0;
    return Object.values(value).reduce((total: number, one) => total + size(one), 0);
  };
  return Object.fromEntries(
    Object.entries(parts).map(([name, value]) => [name, `${(size(value) / 2 ** 20).toFixed(1)} MB`]),
  );
}
