import { jest } from '@jest/globals';
import { testKafka } from '@quell/testing/kafka';
import { brokerConformance } from './conformance.ts';
import { createKafkaBroker } from './kafka.ts';

jest.setTimeout(30_000);

describe('Kafka', () => {
  brokerConformance(() => createKafkaBroker({ ...testKafka(), clientId: 'conformance' }));
});
