import { setTimeout as delay } from 'node:timers/promises';
import type { BrokerAdmin, BrokerLogger, ConsumeOptions, Consumer } from '../broker.ts';
import { LogMismatch } from '../broker-errors.ts';
import { type ConsumerState, consumerHealth } from '../consumer-health.ts';
import { type AssignedPartition, keyOf } from './assigned-partition.ts';
import type { Client } from './client.ts';
import { type ConsumeSettings, consumeSettings } from './consume-settings.ts';
import { ConsumerSession } from './consumer-session.ts';

export interface ConsumerContext {
  readonly createClient: () => Client;
  readonly admin: BrokerAdmin;
  readonly logger: BrokerLogger;
}

/** Between a crash and the next session: short at first, a broker that restarts is back soon. */
const restartDelayMs = { first: 500, most: 5_000 };
const longestLookSeconds = 5;

/** Keeps a consumer alive: one session after the other, and a watch on whether they get anywhere. */
export function startConsumer(context: ConsumerContext, options: ConsumeOptions): Consumer {
  const settings = consumeSettings(options);
  const { group } = settings;
  const { logger } = context;
  const held = new Set<string>();
  const cluster: { id?: string } = {};
  const stopping = new AbortController();
  const joined = Promise.withResolvers<void>();
  let session: ConsumerSession | undefined;
  let partitions: ReadonlyMap<string, AssignedPartition> = new Map();
  let phase: ConsumerState['phase'] = { kind: 'joining' };
  let sinceMs = performance.now();
  let crashes = 0;

  function enter(next: ConsumerState['phase']): void {
    phase = next;
    sinceMs = performance.now();
  }

  async function supervise(): Promise<void> {
    while (!stopping.signal.aborted) {
      session = new ConsumerSession({
        settings,
        client: context.createClient(),
        admin: context.admin,
        logger,
        held,
        before: partitions,
        cluster,
        onReady: () => {
          if (phase.kind !== 'running') logger.info({ group, topics: settings.topics }, 'consumer is running');
          if (phase.kind !== 'running' && !stopping.signal.aborted) enter({ kind: 'running' });
          crashes = 0;
          joined.resolve();
        },
      });
      void session.start();
      const crash = await Promise.race([session.crashed, aborted(stopping.signal)]);
      partitions = session.partitions;
      if (crash !== undefined) died(crash);
      await session.stop();
      if (crash instanceof LogMismatch) throw crash;
      const delayMs = Math.min(restartDelayMs.most, restartDelayMs.first * 2 ** crashes++);
      if (crash !== undefined) await delay(delayMs, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  }

  function died(crash: Error): void {
    const log = phase.kind === 'running' || crash instanceof LogMismatch ? logger.error : logger.warn;
    log.call(logger, { err: crash, group }, 'consumer died');
    // One that never ran waits for a broker that is still starting: that alone is no reason to be restarted.
    if (phase.kind === 'joining' && !(crash instanceof LogMismatch)) phase = { ...phase, lastFailure: crash.message };
    else enter({ kind: 'dead', reason: `the consumer died: ${crash.message}` });
  }

  const watch = watchProgress(
    context.admin,
    settings,
    () => [...(session?.partitions.values() ?? [])],
    () => {
      if (phase.kind === 'running') sinceMs = performance.now();
    },
  );
  const finished = supervise().finally(() => clearInterval(watch));
  // Nobody has to look at these two promises: without a handler a rejection would end the process.
  finished.then(() => joined.reject(new Error('the consumer was stopped before it had joined')), joined.reject);
  joined.promise.catch(() => undefined);

  return {
    joined: joined.promise,
    finished,
    health() {
      const progress = [...(session?.partitions.values() ?? [])].map((each) => each.progress(held.has(keyOf(each))));
      return consumerHealth(
        { group, phase, sinceMs, partitions: progress },
        performance.now(),
        settings.stallAfterSeconds,
      );
    },
    pause(partition) {
      held.add(keyOf(partition));
      session?.hold(keyOf(partition));
    },
    resume(partition) {
      held.delete(keyOf(partition));
      session?.hold(keyOf(partition));
    },
    async stop() {
      stopping.abort();
      await finished.catch(() => undefined);
      if (phase.kind !== 'dead') enter({ kind: 'stopped' });
    },
  };
}

/** Looks at the ends of the logs now and then: without it a consumer that fetches nothing would look idle. */
function watchProgress(
  admin: BrokerAdmin,
  settings: ConsumeSettings,
  assigned: () => AssignedPartition[],
  onAnswer: () => void,
): NodeJS.Timeout {
  let looking = false;
  const look = async () => {
    if (looking) return;
    looking = true;
    try {
      for (const topic of settings.topics) {
        const ranges = await admin.offsets(topic);
        const now = performance.now();
        for (const partition of assigned().filter((each) => each.topic === topic)) {
          const range = ranges.find((candidate) => candidate.partition === partition.partition);
          if (range !== undefined) partition.sawEnd(range.high, now);
        }
      }
      onAnswer();
    } catch {
      // No answer is what `health` reports when it lasts.
    } finally {
      looking = false;
    }
  };
  const seconds = Math.min(settings.stallAfterSeconds / 4, longestLookSeconds);
  return setInterval(() => void look(), seconds * 1000).unref();
}

function aborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    else signal.addEventListener('abort', () => resolve(undefined), { once: true });
  });
}
