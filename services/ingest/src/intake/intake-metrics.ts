import { Counter, Histogram, type Registry } from '@quell/service-kit/metrics';
import type { Intake } from './receive.ts';

export interface IntakeMetrics {
  /** Counts what came of some items; `seconds` from the decision until Kafka had acknowledged them. */
  taken(intake: Intake, seconds: number): void;
  /** Counts a request that was turned away to come again later. */
  turnedAway(reason: 'busy' | 'broker' | 'stopping'): void;
}

export function createIntakeMetrics(registry: Registry): IntakeMetrics {
  const detections = new Counter({
    name: 'ingest_detections_total',
    help: 'Items of POST /v1/detections by what came of them',
    labelNames: ['result'],
    registers: [registry],
  });
  const publishing = new Histogram({
    name: 'ingest_publish_seconds',
    help: 'Time until Kafka acknowledged the items of one chunk on all in-sync replicas',
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 15],
    registers: [registry],
  });
  const refusals = new Counter({
    name: 'ingest_refused_requests_total',
    help: 'Requests answered 503, to be sent again',
    labelNames: ['reason'],
    registers: [registry],
  });
  const accepted = detections.labels('accepted');
  const duplicate = detections.labels('duplicate');
  const rejected = detections.labels('rejected');
  return {
    taken(intake, seconds) {
      accepted.inc(intake.accepted.length);
      duplicate.inc(intake.duplicates);
      rejected.inc(intake.rejected.length);
      if (intake.accepted.length > 0) publishing.observe(seconds);
    },
    turnedAway: (reason) => refusals.inc({ reason }),
  };
}
