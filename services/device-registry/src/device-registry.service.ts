import { topicSpec, topics } from '@quell/contracts/topics';
import { createNotifier } from '@quell/event-store/notify';
import { checkStore } from '@quell/event-store/restore-check';
import { createKafkaBroker } from '@quell/messaging/kafka';
import { createAuthenticator } from '@quell/service-kit/authenticator';
import { openDatabase } from '@quell/service-kit/database';
import type { ServiceDefinition } from '@quell/service-kit/start';
import type { Area, RegistryParts } from './area.ts';
import { areas } from './areas.ts';
import { migrations } from './database/migrations.ts';
import { reportingViews } from './database/reporting-views.ts';
import { SCHEMA } from './database/schema.ts';
import { deviceRegistryModule } from './device-registry.module.ts';
import { deviceRegistryEnvironment } from './device-registry-environment.ts';

/** Device registry: what stands in the buildings and networks, what each device can do, and finding any of them while typing. */
export const deviceRegistryService = {
  name: 'device-registry',
  version: '0.1.0',
  config: deviceRegistryEnvironment,
  setUp: async (context) => {
    const { config, log, lifecycle, health } = context;
    const database = await openDatabase({
      service: 'device-registry',
      url: config.DATABASE_URL,
      migrationUrl: config.QUELL_MIGRATION_DATABASE_URL,
      schemas: [SCHEMA],
      migrations,
      reportingViews,
      log,
    });
    lifecycle.onStop('resources', 'postgres', () => database.close());
    health.addReadyCheck('postgres', () => database.ping());
    await checkStore(database.pool, SCHEMA);

    const broker = createKafkaBroker({ brokers: config.KAFKA_BROKERS, clientId: 'quell-device-registry', logger: log });
    lifecycle.onStop('resources', 'kafka', () => broker.close());
    await broker.admin.ensureTopics([
      topicSpec(topics.agents),
      topicSpec(topics.devices),
      topicSpec(topics.deadLetters),
    ]);
    health.addReadyCheck('kafka', () => notes(broker.health().ready, broker.health().reasons));
    health.addLiveCheck('consumers', () => notes(broker.health().live, broker.health().reasons));

    const feed = createNotifier({ connection: { connectionString: config.DATABASE_URL }, schema: SCHEMA });
    lifecycle.onStop('resources', 'feed hints', () => feed.close());

    const parts: RegistryParts = { ...context, database, broker, feed };
    const open: Area[] = [];
    for (const area of areas) open.push(await area(parts));
    for (const area of open) area.prepare?.();
    return {
      module: deviceRegistryModule(
        parts,
        open.flatMap(({ module }) => (module === undefined ? [] : [module])),
      ),
      authenticator: createAuthenticator({ pool: database.pool, log }),
      routes: (http, authenticator) => {
        for (const area of open) area.routes?.(http, authenticator);
      },
      listening: async () => {
        for (const area of open) await area.start?.();
      },
    };
  },
} satisfies ServiceDefinition<typeof deviceRegistryEnvironment>;

function notes(ok: boolean, reasons: readonly string[]): string | undefined {
  return ok ? undefined : reasons.join('; ') || 'not ready';
}
