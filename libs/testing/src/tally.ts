/** How many tests of a run passed, failed, or were left out. */
export interface Tally {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

interface JestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly numRuntimeErrorTestSuites: number;
}

/**
 * Counts the tests in jest's JSON report. A test file that could not run counts as one failure; so does a missing report, since
 * jest writes one at the end of every run.
 */
export function tally(report: string | undefined): Tally {
  if (report === undefined) return { passed: 0, failed: 1, skipped: 0 };
  const counts = JSON.parse(report) as JestReport;
  return {
    passed: counts.numPassedTests,
    failed: counts.numFailedTests + counts.numRuntimeErrorTestSuites,
    skipped: counts.numPendingTests + counts.numTodoTests,
  };
}
