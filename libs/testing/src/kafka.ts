import { serverAddress } from './servers.ts';

/**
 * The Kafka of this jest run, which starts with the first call (blocking for a few seconds). All tests share it: give topics
 * and groups names of your own. Topics are not created by themselves.
 *
 * @throws Error when Kafka cannot start, with the reason.
 */
export function testKafka(): { brokers: string[] } {
  return { brokers: serverAddress('kafka').split(',') };
}
