import { FAILURE_WINDOW_SECONDS, FailedAttempts, MAX_FAILURES } from './failed-attempts.ts';

test('an address that failed too often waits for the rest of the window, and only that address', () => {
  const attempts = new FailedAttempts();
  const start = new Date('2026-11-23T10:00:00Z');
  const later = (seconds: number) => new Date(start.getTime() + seconds * 1000);
  for (let count = 1; count < MAX_FAILURES; count += 1) attempts.failed('192.0.2.1', start);
  expect(attempts.waitSeconds('192.0.2.1', later(1))).toBeUndefined();
  attempts.failed('192.0.2.1', later(1));
  expect(attempts.waitSeconds('192.0.2.1', later(10))).toBe(FAILURE_WINDOW_SECONDS - 10);
  expect(attempts.waitSeconds('192.0.2.2', later(10))).toBeUndefined();
  expect(attempts.waitSeconds('192.0.2.1', later(FAILURE_WINDOW_SECONDS))).toBeUndefined();
  attempts.failed('192.0.2.1', later(FAILURE_WINDOW_SECONDS));
  expect(attempts.waitSeconds('192.0.2.1', later(FAILURE_WINDOW_SECONDS))).toBeUndefined();
});
