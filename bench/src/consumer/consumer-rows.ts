import type { BenchContext, Contest, Goal } from '../contest.ts';
import { type Host, sightings, someHosts } from '../detections.ts';
import { consumerUnderTest } from './consumer-under-test.ts';
import { openMitigationDatabase } from './mitigation-database.ts';
import { rawUnnest } from './raw-unnest.ts';
import { storeTasks } from './stored-tasks.ts';

const HOSTS = 1000;
/** On average: an endpoint on which a thousand wait gets no further task. */
const STORED_PER_HOST = 100;
const MIXED = 0.2;

const againstRaw: readonly Goal[] = [
  {
    figure: 'throughput',
    against: 'raw unnest of 500',
    better: 'high',
    limits: { floor: 0.45, stretch: 0.6 },
  },
  { figure: 'cpu', against: 'raw unnest of 500', better: 'low', limits: { floor: 1.7, stretch: 1.4 } },
];

export function openConsumerNew(context: BenchContext): Promise<Contest> {
  return consumerAgainstRaw(context, 1);
}

export function openConsumerMixed(context: BenchContext): Promise<Contest> {
  return consumerAgainstRaw(context, MIXED);
}

async function consumerAgainstRaw(context: BenchContext, newShare: number): Promise<Contest> {
  const hosts = someHosts(HOSTS);
  const ours = await consumerOnItsOwn(context, 'mitigation consumer', { newShare, hosts, stored: 0 });
  const raw = await rawUnnest(context.servers);
  return {
    item: 'detection',
    contenders: [ours, raw],
    goals: againstRaw,
    async close() {
      await ours.close();
      await raw.close();
    },
  };
}

export async function openConsumerStored(context: BenchContext): Promise<Contest> {
  const { stored } = context.settings;
  const hosts = someHosts(Math.max(HOSTS, Math.ceil(stored / STORED_PER_HOST)));
  const setting = { newShare: MIXED, hosts };
  const full = await consumerOnItsOwn(context, `with ${stored.toLocaleString('en-US')} stored`, { ...setting, stored });
  const empty = await consumerOnItsOwn(context, 'empty', { ...setting, stored: 0 });
  return {
    item: 'detection',
    contenders: [full, empty],
    goals: [
      { figure: 'throughput', against: 'empty', better: 'high', limits: { floor: 0.65, stretch: 0.8 } },
      { figure: 'cpu', against: 'empty', better: 'low' },
    ],
    async close() {
      await full.close();
      await empty.close();
    },
  };
}

async function consumerOnItsOwn(
  { servers, progress }: BenchContext,
  name: string,
  { newShare, hosts, stored }: { newShare: number; hosts: readonly Host[]; stored: number },
) {
  progress('setting up mitigation');
  const database = await openMitigationDatabase(servers, hosts);
  const known = stored === 0 ? [] : await storeTasks(database.pool, stored, hosts, progress);
  const stream = sightings(hosts, newShare, known);
  progress('warming up');
  const consumer = await consumerUnderTest(name, { servers, pool: database.pool, stream, stored });
  return {
    ...consumer,
    async close() {
      await consumer.close();
      await database.close();
    },
  };
}
