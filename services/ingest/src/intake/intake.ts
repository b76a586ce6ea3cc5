import { setImmediate as nextTurn } from 'node:timers/promises';
import { topics } from '@quell/contracts/topics';
import type { Broker } from '@quell/messaging/broker';
import type { IntakeMetrics } from './intake-metrics.ts';
import type { IntakeLimits } from './limits.ts';
import { type Incoming, type Intake, type Normalise, receive } from './receive.ts';
import { createSeen } from './seen.ts';

/** What taking detections in needs around it. */
export interface IntakeContext {
  readonly broker: Pick<Broker, 'publish' | 'publishing'>;
  readonly limits: IntakeLimits;
  readonly metrics: IntakeMetrics;
  readonly now: () => Date;
}

/** Takes in the items of one request, a few at a time. */
export interface Session {
  /** Resolves once Kafka has acknowledged the accepted items on all in-sync replicas. Throws what `publish` throws. */
  take(items: readonly Incoming[]): Promise<Intake>;
}

/** One request's session: it remembers the event ids it has had. */
export function openSession(context: IntakeContext, normalise: Normalise): Session {
  const { broker, metrics, limits, now } = context;
  const seen = createSeen(limits.remembered);
  return {
    async take(items) {
      const intake = receive(items, normalise, seen, now());
      const since = performance.now();
      const records = intake.accepted.map(({ record }) => record);
      await broker.publish(topics.detections, records);
      metrics.taken(intake, (performance.now() - since) / 1000);
      return intake;
    },
  };
}

/** Takes in a whole list: in chunks, so that a large one leaves the others their turn, all on their way to Kafka at once. */
export async function takeAll(session: Session, items: readonly unknown[], chunk: number): Promise<Intake> {
  const underway: Promise<Intake>[] = [];
  for (let start = 0; start < items.length; start += chunk) {
    if (start > 0) await nextTurn();
    const part = items.slice(start, start + chunk).map((value, at) => ({ index: start + at, value }));
    const taking = session.take(part);
    // It is awaited below; until then a failure must not count as unhandled.
    taking.catch(() => {});
    underway.push(taking);
  }
  return joined(await Promise.all(underway));
}

/** Several intakes of one request as one. */
export function joined(parts: readonly Intake[]): Intake {
  return {
    accepted: parts.flatMap(({ accepted }) => accepted),
    duplicates: parts.reduce((sum, { duplicates }) => sum + duplicates, 0),
    rejected: parts.flatMap(({ rejected }) => rejected),
  };
}
