import fc from 'fast-check';
import { readRetryAfter, retryDelaySeconds } from './backoff.ts';

const limits = { baseSeconds: 0.5, capSeconds: 30 };
const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

test('a wait is never above the cap and never above base·2ⁿ', () => {
  fc.assert(
    fc.property(fc.nat(2000), random, (failures, chance) => {
      const seconds = retryDelaySeconds(failures, limits, chance);
      return seconds >= 0 && seconds <= Math.min(30, 0.5 * 2 ** failures);
    }),
  );
});

test('the jitter is full: it spreads over the whole capped range, not around it', () => {
  expect(retryDelaySeconds(20, limits, 0)).toBe(0);
  expect(retryDelaySeconds(20, limits, 0.5)).toBe(15);
  expect(retryDelaySeconds(0, limits, 0.5)).toBe(0.25);
});

test('the server is never come back to before its Retry-After', () => {
  fc.assert(
    fc.property(fc.nat(50), random, fc.nat(3600), (failures, chance, after) => {
      return retryDelaySeconds(failures, limits, chance, after) >= after;
    }),
  );
});

test('Retry-After is read as seconds or as a date, and anything else as absent', () => {
  const now = Date.parse('2026-01-01T00:00:00Z');
  expect(readRetryAfter('7', now)).toBe(7);
  expect(readRetryAfter('Thu, 01 Jan 2026 00:00:09 GMT', now)).toBe(9);
  expect(readRetryAfter('Thu, 01 Jan 2025 00:00:00 GMT', now)).toBe(0);
  expect(readRetryAfter('soon', now)).toBeUndefined();
  expect(readRetryAfter(undefined, now)).toBeUndefined();
});
