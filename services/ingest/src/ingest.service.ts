import { topicSpec, topics } from '@quell/contracts/topics';
import { createKafkaBroker } from '@quell/messaging/kafka';
import { createAuthenticator } from '@quell/service-kit/authenticator';
import { openDatabase } from '@quell/service-kit/database';
import type { ServiceDefinition } from '@quell/service-kit/start';
import { ApiKeyEntity } from './api-keys/api-key.entity.ts';
import { storeAdministratorKey } from './api-keys/api-keys.ts';
import { CreateAuth1795442400000 } from './api-keys/create-auth.migration.ts';
import { ingestModule } from './ingest.module.ts';
import { ingestEnvironment } from './ingest-environment.ts';
import { serveDetections } from './intake/detections-route.ts';
import { createIntakeMetrics } from './intake/intake-metrics.ts';
import { intakeLimits } from './intake/limits.ts';

/** Ingest: takes detections in and keeps the API keys of all services. */
export const ingestService: ServiceDefinition<typeof ingestEnvironment> = {
  name: 'ingest',
  version: '0.1.0',
  config: ingestEnvironment,
  setUp: async ({ config, log, lifecycle, health, metrics }) => {
    const database = await openDatabase({
      service: 'ingest',
      url: config.DATABASE_URL,
      migrationUrl: config.QUELL_MIGRATION_DATABASE_URL,
      schemas: ['auth'],
      migrations: [CreateAuth1795442400000],
      entities: [ApiKeyEntity],
      log,
    });
    lifecycle.onStop('resources', 'postgres', () => database.close());
    health.addReadyCheck('postgres', () => database.ping());
    if (config.QUELL_ADMIN_KEY !== undefined) {
      await storeAdministratorKey(database.dataSource, config.QUELL_ADMIN_KEY, new Date());
    }

    const broker = createKafkaBroker({
      brokers: config.KAFKA_BROKERS,
      clientId: 'quell-ingest',
      logger: log,
      publishTimeoutSeconds: config.QUELL_PUBLISH_TIMEOUT_SECONDS,
    });
    lifecycle.onStop('resources', 'kafka', () => broker.close());
    await broker.admin.ensureTopics([topicSpec(topics.detections), topicSpec(topics.deadLetters)]);
    health.addReadyCheck('kafka', async () => void (await broker.admin.clusterId()));

    const intake = { broker, limits: intakeLimits, metrics: createIntakeMetrics(metrics), now: () => new Date() };
    return {
      module: ingestModule(database.dataSource),
      authenticator: createAuthenticator({ pool: database.pool, log }),
      routes: (http, authenticator) => serveDetections(http, intake, authenticator, lifecycle),
    };
  },
};
