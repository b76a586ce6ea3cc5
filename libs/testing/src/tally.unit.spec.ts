import { tally } from './tally.ts';

const counts = {
  numPassedTests: 7,
  numFailedTests: 2,
  numPendingTests: 1,
  numTodoTests: 1,
  numRuntimeErrorTestSuites: 0,
};

test('counts what passed, failed and was left out', () => {
  expect(tally(JSON.stringify(counts))).toEqual({ passed: 7, failed: 2, skipped: 2 });
});

test('counts a test file that could not run as a failure', () => {
  expect(tally(JSON.stringify({ ...counts, numFailedTests: 0, numRuntimeErrorTestSuites: 1 })).failed).toBe(1);
});

test('counts a run without a report as a failure', () => {
  expect(tally(undefined)).toEqual({ passed: 0, failed: 1, skipped: 0 });
});
