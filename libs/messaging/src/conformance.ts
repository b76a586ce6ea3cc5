import { randomUUID } from 'node:crypto';
import type { Broker } from './broker.ts';
import { consumeConformance } from './conformance-consume.fixture.ts';
import type { ConformanceContext } from './conformance-context.fixture.ts';
import { groupConformance } from './conformance-group.fixture.ts';
import { publishConformance } from './conformance-publish.fixture.ts';

/**
 * What every adapter of the port must do; call it in a spec file of the adapter. `connect` opens one more connection to
 * the same broker, as another process would.
 */
export function brokerConformance(connect: () => Broker): void {
  let brokers: Broker[];
  let context: ConformanceContext;

  beforeEach(async () => {
    const broker = connect();
    const topic = `conformance-${randomUUID()}`;
    const group = `conformance-${randomUUID()}`;
    brokers = [broker];
    context = {
      broker,
      topic,
      group,
      open() {
        const opened = connect();
        brokers.push(opened);
        return opened;
      },
      consume: (options, from = broker) =>
        from.consume({ group, topics: [topic], retrySeconds: { first: 0.05, most: 0.2 }, ...options }),
    };
    await broker.admin.ensureTopics([{ name: topic, partitions: 2 }]);
  });

  afterEach(async () => {
    await Promise.all(brokers.map((each) => each.close()));
  });

  publishConformance(() => context);
  consumeConformance(() => context);
  groupConformance(() => context);
}
