import { createRequire } from 'node:module';
import { eventually } from '@quell/testing/eventually';
import { fixRequestQueueTimer } from './kafkajs-fixes.ts';

interface RequestQueue {
  throttledUntil: number;
  readonly throttleCheckTimeoutId: unknown;
  push(request: object): void;
  checkPendingRequests(): void;
  destroy(): void;
}

const RequestQueue = createRequire(import.meta.url)('kafkajs/src/network/requestQueue') as new (
  options: object,
) => RequestQueue;

function newQueue(): RequestQueue {
  const logger = { debug() {}, warn() {} };
  return new RequestQueue({ maxInFlightRequests: 1, requestTimeout: 1000, clientId: 'c', broker: 'b', logger });
}

function request(correlationId: number, sent: number[]): object {
  const entry = { correlationId, resolve() {}, reject() {} };
  return { entry, expectResponse: false, sendRequest: () => sent.push(correlationId) };
}

test('kafkajs 2.2.4 as it is arms a timer although nothing waits: without that this fix can go', () => {
  const queue = newQueue();
  queue.checkPendingRequests();
  expect(queue.throttleCheckTimeoutId).not.toBeNull();
  queue.destroy();
});

test('with the fix no timer runs while nothing waits (kafkajs#1751)', () => {
  fixRequestQueueTimer();
  const queue = newQueue();
  queue.checkPendingRequests();
  expect(queue.throttleCheckTimeoutId).toBeNull();
});

test('with the fix requests held back by throttling are still sent, in order, and the timer ends', async () => {
  fixRequestQueueTimer();
  const queue = newQueue();
  const sent: number[] = [];
  queue.throttledUntil = Date.now() + 30;
  queue.push(request(1, sent));
  queue.push(request(2, sent));
  expect(sent).toEqual([]);
  await eventually(() => sent.length === 2);
  expect(sent).toEqual([1, 2]);
  expect(queue.throttleCheckTimeoutId).toBeNull();
});
