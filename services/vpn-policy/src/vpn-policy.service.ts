import { topicSpec, topics } from '@quell/contracts/topics';
import { checkStore } from '@quell/event-store/restore-check';
import { createKafkaBroker } from '@quell/messaging/kafka';
import { createAuthenticator } from '@quell/service-kit/authenticator';
import { openDatabase } from '@quell/service-kit/database';
import type { ServiceDefinition } from '@quell/service-kit/start';
import { AnalysisThreads } from './analysis/analysis-threads.ts';
import { migrations } from './database/data-source.ts';
import { reportingViews } from './database/reporting-views.ts';
import { SCHEMA } from './database/schema.ts';
import { decisionKeeping } from './decision-log/decision-keeping.ts';
import { startDeviceConsumer } from './devices/consumer.ts';
import { measureDevices } from './devices/metrics.ts';
import { serveEvaluate } from './evaluation-api/evaluate-route.ts';
import { serveFormats } from './formats-api/formats-routes.ts';
import { ActivePolicies } from './policy-store/active-policies.ts';
import { postureCaughtUp } from './posture-store/caught-up.ts';
import { startPostureConsumer } from './posture-store/consumer.ts';
import { measurePosture } from './posture-store/metrics.ts';
import { vpnPolicyModule } from './vpn-policy.module.ts';
import { analysisOf, vpnPolicyEnvironment } from './vpn-policy-environment.ts';
import { startWhatIf, whatIfParts } from './what-if/what-if.ts';
import { serveWhatIf } from './what-if/what-if-route.ts';

/** VPN policy: says what a device's VPN client does under a policy, keeps the policies, and overrides them where threats stand. */
export const vpnPolicyService = {
  name: 'vpn-policy',
  version: '0.1.0',
  config: vpnPolicyEnvironment,
  setUp: async ({ config, log, lifecycle, health, metrics }) => {
    const database = await openDatabase({
      service: 'vpn-policy',
      url: config.DATABASE_URL,
      migrationUrl: config.QUELL_MIGRATION_DATABASE_URL,
      schemas: [SCHEMA],
      migrations,
      reportingViews,
      log,
    });
    const { pool } = database;
    lifecycle.onStop('resources', 'postgres', () => database.close());
    health.addReadyCheck('postgres', () => database.ping());
    await checkStore(pool, SCHEMA);

    const broker = createKafkaBroker({ brokers: config.KAFKA_BROKERS, clientId: 'quell-vpn-policy', logger: log });
    lifecycle.onStop('resources', 'kafka', () => broker.close());
    await broker.admin.ensureTopics([
      topicSpec(topics.tasks),
      topicSpec(topics.mitigationExceptions),
      topicSpec(topics.devices),
      topicSpec(topics.vpnDecisions),
      topicSpec(topics.deadLetters),
    ]);
    health.addReadyCheck('kafka', () => notes(broker.health().ready, broker.health().reasons));
    health.addLiveCheck('consumers', () => notes(broker.health().live, broker.health().reasons));

    measurePosture(metrics, { pool, broker, log });
    health.addReadyCheck('posture', postureCaughtUp({ pool, broker }));
    const devicesCaughtUp = postureCaughtUp({ pool, broker }, [topics.devices]);
    // Before, a device that has a policy would be answered that it has none.
    health.addReadyCheck('devices', async () => (await devicesCaughtUp()) && 'devices are still being taken');
    measureDevices(metrics, broker);

    const connection = { connectionString: config.DATABASE_URL };
    const keeping = decisionKeeping({ pool, broker, log, connection, metrics, config });
    const { decisions } = keeping;
    lifecycle.onStop('resources', 'decisions', () => decisions.close());
    const threads = new AnalysisThreads(analysisOf(config));
    lifecycle.onStop('held-requests', 'analysis', () => threads.close());
    const whatIf = whatIfParts(pool, log, () => lifecycle.stopping);

    return {
      module: vpnPolicyModule({ database, active: new ActivePolicies(pool), decisions, jobs: whatIf.jobs, threads }),
      authenticator: createAuthenticator({ pool, log }),
      routes: (http, authenticator) => {
        serveEvaluate(http, authenticator, lifecycle, keeping);
        serveWhatIf(http, authenticator, whatIf);
        serveFormats(http, authenticator, threads);
      },
      listening: async () => {
        lifecycle.onStop('consumers', 'decisions', keeping.start());
        lifecycle.onStop('consumers', 'jobs', startWhatIf(whatIf, log));
        for (const start of [startPostureConsumer, startDeviceConsumer]) {
          const consumer = await start({ pool, broker, log });
          lifecycle.onStop('consumers', start.name, () => consumer.stop());
          // A log that does not fit the stored offsets must not be read on: this rejection ends the process with its cure.
          void consumer.finished.then(() => undefined);
        }
      },
    };
  },
} satisfies ServiceDefinition<typeof vpnPolicyEnvironment>;

function notes(ok: boolean, reasons: readonly string[]): string | undefined {
  return ok ? undefined : reasons.join('; ') || 'not ready';
}
