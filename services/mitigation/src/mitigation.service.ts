import { topicSpec, topics } from '@quell/contracts/topics';
import { processorName } from '@quell/event-store/checkpoint';
import { createNotifier } from '@quell/event-store/notify';
import { projectionRunner } from '@quell/event-store/projection';
import { relayRunner } from '@quell/event-store/relay';
import { checkStore } from '@quell/event-store/restore-check';
import { createKafkaBroker } from '@quell/messaging/kafka';
import { createAuthenticator } from '@quell/service-kit/authenticator';
import { openDatabase } from '@quell/service-kit/database';
import type { ServiceDefinition } from '@quell/service-kit/start';
import { AgentPublisher, agentTopic } from './agents/publication/agent-publisher.ts';
import { keepRawBody } from './agents/signature/raw-body.ts';
import { Campaigns } from './campaigns/campaigns.ts';
import { Clockwork } from './clocks/clockwork.ts';
import { entities, migrations } from './database/data-source.ts';
import { reportingViews } from './database/reporting-views.ts';
import { SCHEMA } from './database/schema.ts';
import { CheckInGate } from './delivery/check-in-gate.ts';
import { allowLargeBodies } from './delivery/large-bodies.ts';
import { Wakes } from './delivery/wakes.ts';
import { startDetectionConsumer } from './detections/consumer.ts';
import { startDeviceConsumer } from './devices/consumer.ts';
import { ExceptionPublisher } from './exceptions/publisher.ts';
import { measureFeed } from './metrics/feed-metrics.ts';
import { ReportTally } from './metrics/report-tally.ts';
import { mitigationModule } from './mitigation.module.ts';
import { clocksOf, mitigationEnvironment, outagesOf } from './mitigation-environment.ts';
import { defaultPolicy } from './policy/policy.ts';
import { PolicyStore } from './policy/policy-store.ts';
import { relayTopic, taskRelay } from './relay/task-relay.ts';
import { taskViewProjection } from './views/task-view.projection.ts';

/** Mitigation: detections become tasks, agents work on them, and their events fold to one of the 23 statuses. */
export const mitigationService = {
  name: 'mitigation',
  version: '0.1.0',
  config: mitigationEnvironment,
  setUp: async ({ config, log, lifecycle, health, metrics }) => {
    const database = await openDatabase({
      service: 'mitigation',
      url: config.DATABASE_URL,
      migrationUrl: config.QUELL_MIGRATION_DATABASE_URL,
      schemas: [SCHEMA],
      migrations,
      reportingViews,
      entities,
      log,
    });
    const { pool } = database;
    const checkInPool = database.openPool(config.QUELL_CHECK_INS_AT_ONCE);
    const gate = new CheckInGate({ atOnce: config.QUELL_CHECK_INS_AT_ONCE, waiting: config.QUELL_CHECK_INS_WAITING });
    lifecycle.onStop('resources', 'postgres', () => database.close());
    health.addReadyCheck('postgres', () => database.ping());
    await checkStore(pool, SCHEMA);

    const broker = createKafkaBroker({ brokers: config.KAFKA_BROKERS, clientId: 'quell-mitigation', logger: log });
    lifecycle.onStop('resources', 'kafka', () => broker.close());
    await broker.admin.ensureTopics([
      topicSpec(topics.detections),
      topicSpec(topics.tasks),
      topicSpec(topics.agents),
      topicSpec(topics.devices),
      topicSpec(topics.mitigationExceptions),
      topicSpec(topics.deadLetters),
    ]);
    health.addReadyCheck('kafka', () => notes(broker.health().ready, broker.health().reasons));
    health.addLiveCheck('consumers', () => notes(broker.health().live, broker.health().reasons));

    const connection = { connectionString: config.DATABASE_URL };
    const feed = createNotifier({ connection, schema: SCHEMA });
    lifecycle.onStop('resources', 'feed hints', () => feed.close());
    const wakes = new Wakes(pool, config.DATABASE_URL, log);
    const policies = new PolicyStore(pool, defaultPolicy(clocksOf(config)), config.QUELL_MAX_QUEUED_TASKS);
    const onTaskChange = (endpointIds: readonly string[]) => {
      feed.notify();
      wakes.wake(endpointIds);
    };
    const poll = { holdSeconds: config.QUELL_POLL_HOLD_SECONDS, nextPollSeconds: config.QUELL_POLL_PAUSE_SECONDS };
    const onError = (err: unknown) => log.warn({ err }, 'a follower of the feed met an error');
    const relay = taskRelay(pool, (messages) => broker.publish(relayTopic, messages));
    const followers = [
      projectionRunner(taskViewProjection, { connection, onError }),
      relayRunner(relay, { connection, onError }),
    ];
    const followed = [taskViewProjection, relay].map(({ name, version }) => processorName(name, version));
    measureFeed(metrics, { pool, broker, log }, followed);
    const clockwork = new Clockwork({
      pool,
      policies,
      log,
      outages: outagesOf(config),
      sweepSeconds: config.QUELL_SWEEP_SECONDS,
      onFreed: onTaskChange,
    });

    const agents = new AgentPublisher({
      pool,
      log,
      publish: (messages) => broker.publish(agentTopic, messages),
      sampleSeconds: config.QUELL_LAST_SEEN_SAMPLE_SECONDS,
    });

    const reports = new ReportTally(metrics);
    const campaigns = new Campaigns({ pool, longReads: database.openPool(4), policies, onTaskChange }, log);

    return {
      module: mitigationModule({
        database,
        checkInPool,
        gate,
        poll,
        policies,
        wakes,
        onTaskChange,
        campaigns,
        reports,
      }),
      authenticator: createAuthenticator({ pool, log }),
      routes: (http) => {
        keepRawBody(http);
        allowLargeBodies(http);
      },
      listening: async () => {
        wakes.start();
        lifecycle.onStop('resources', 'wakes', () => wakes.stop());
        for (const follower of followers) {
          follower.start();
          lifecycle.onStop('consumers', 'a follower of the feed', () => follower.stop());
        }
        const exceptions = new ExceptionPublisher(pool, broker, log);
        exceptions.start();
        lifecycle.onStop('consumers', 'exceptions', () => exceptions.stop());
        agents.start();
        lifecycle.onStop('consumers', 'agents on Kafka', () => agents.stop());
        campaigns.run();
        lifecycle.onStop('consumers', 'campaigns', () => campaigns.stop());
        clockwork.start();
        lifecycle.onStop('consumers', 'clocks', () => clockwork.stop());
        const consumer = await startDetectionConsumer({ pool, broker, policies, log, onTaskChange });
        lifecycle.onStop('consumers', 'detections', () => consumer.stop());
        // A log that does not fit the stored offsets must not be read on: nobody handles the rejection of this promise (that of
        // `finished` itself is handled), so it ends the process with its cure.
        void consumer.finished.then(() => undefined);
        const devices = await startDeviceConsumer({ pool, broker, log });
        lifecycle.onStop('consumers', 'devices', () => devices.stop());
        void devices.finished.then(() => undefined);
      },
    };
  },
} satisfies ServiceDefinition<typeof mitigationEnvironment>;

function notes(ok: boolean, reasons: readonly string[]): string | undefined {
  return ok ? undefined : reasons.join('; ') || 'not ready';
}
