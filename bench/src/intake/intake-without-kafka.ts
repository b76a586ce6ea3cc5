/**
 * The intake as ingest runs it (its route, limits, validation, identities, metrics, API keys of a real database), with a broker that
 * has acknowledged everything at once: what a request costs before Kafka.
 */
import { ingestService } from '@quell/ingest/ingest.service';
import { ingestEnvironment } from '@quell/ingest/ingest-environment';
import { serveDetections } from '@quell/ingest/intake/detections-route';
import { createIntakeMetrics } from '@quell/ingest/intake/intake-metrics';
import { intakeLimits } from '@quell/ingest/intake/limits';
import { createMetrics } from '@quell/service-kit/metrics';
import { runProcess } from '@quell/service-kit/run';
import { type ServiceDefinition, startService } from '@quell/service-kit/start';

const broker = {
  publish: () => Promise.resolve(),
  publishing: () => ({ messages: 0, bytes: 0 }),
};

const withoutKafka: ServiceDefinition<typeof ingestEnvironment> = {
  ...ingestService,
  setUp: async (context) => {
    const parts = await ingestService.setUp(context);
    const metrics = createIntakeMetrics(createMetrics('bench'));
    const intake = { broker, limits: intakeLimits, metrics, now: () => new Date() };
    return { ...parts, routes: (http) => serveDetections(http, intake, parts.authenticator, context.lifecycle) };
  },
};

await runProcess('ingest', ingestEnvironment, (environment) => startService(withoutKafka, environment));
