import { runOutcome } from '@quell/contracts/run-result';
import { statusEntry } from '@quell/contracts/status-catalogue';
import { type RunMode, runMode } from '@quell/contracts/vocabulary';
import { given, type History } from './history.fixture.ts';
import { judgeResult } from './result-contract.ts';
import {
  accepted,
  assessed,
  type Column,
  cancelled,
  columns,
  finished,
  handedOut,
  opened,
  reported,
  resolvedWithBackup,
  restored,
  rolledBack,
  threat,
  worked,
} from './steps.fixture.ts';

// The table kind × mode × outcome, with and without a cancel asked for: each cell is a status, by its number, or "no": refused, which
// folds to 19. "-": no task of the kind has a run in the mode, and if one had, any result of it would be refused.
// "stopped-asked": stopped after a cancel was asked for; the cells of all other outcomes hold with and without one.
const table = `
mode     outcome                        TM   UIE ODS-U ODS-A   PIS
assess   finished                       no     -     -     -     -
assess   assessed                        8     -     -     -     -
assess   stopped                        no     -     -     -     -
assess   stopped-asked                  15     -     -     -     -
assess   platform-not-supported         14     -     -     -     -
assess   component-restart-required     18     -     -     -     -
assess   component-error                19     -     -     -     -
assess   configuration-corrupted        20     -     -     -     -
assess   pattern-not-found              21     -     -     -     -
assess   scan-query-unsendable          22     -     -     -     -
assess   rolled-back                    no     -     -     -     -
assess   rollback-failed                no     -     -     -     -
mitigate finished                        2     2     -     -     -
mitigate assessed                       no    no     -     -     -
mitigate stopped                        no    no     -     -     -
mitigate stopped-asked                  15    15     -     -     -
mitigate platform-not-supported         14    14     -     -     -
mitigate component-restart-required     18    19     -     -     -
mitigate component-error                19    19     -     -     -
mitigate configuration-corrupted        20    20     -     -     -
mitigate pattern-not-found              21    21     -     -     -
mitigate scan-query-unsendable          22    22     -     -     -
mitigate rolled-back                    no    no     -     -     -
mitigate rollback-failed                no    no     -     -     -
scan     finished                        -     -     2     2     2
scan     assessed                        -     -    no    no    no
scan     stopped                         -     -    no    no    no
scan     stopped-asked                   -     -    15    15    15
scan     platform-not-supported          -     -    14    14    14
scan     component-restart-required      -     -    19    19    19
scan     component-error                 -     -    19    19    19
scan     configuration-corrupted         -     -    20    20    20
scan     pattern-not-found               -     -    21    21    21
scan     scan-query-unsendable           -     -    22    22    22
scan     rolled-back                     -     -    no    no    no
scan     rollback-failed                 -     -    no    no    no
rollback finished                       no    no    no    no    no
rollback assessed                       no    no    no    no    no
rollback stopped                        no    no    no    no    no
rollback stopped-asked                  15    15    15    15    15
rollback platform-not-supported         14    14    14    14    14
rollback component-restart-required     18    19    19    19    19
rollback component-error                19    19    19    19    19
rollback configuration-corrupted        20    20    20    20    20
rollback pattern-not-found              21    21    21    21    21
rollback scan-query-unsendable          22    22    22    22    22
rollback rolled-back                     7     7     7     7     7
rollback rollback-failed                23    23    23    23    23`;

interface Row {
  readonly mode: RunMode;
  readonly outcome: string;
  readonly cells: Readonly<Record<Column, string>>;
}

const rows: Row[] = table
  .trim()
  .split('\n')
  .slice(1)
  .map((line) => {
    const [mode, outcome = '', ...cells] = line.trim().split(/\s+/);
    return {
      mode: runMode.parse(mode),
      outcome,
      cells: Object.fromEntries(columns.map((column, i) => [column, cells[i]])) as Row['cells'],
    };
  });

/** A well-formed result with this outcome: everything handed out is answered. */
function resultOf(outcome: string) {
  switch (outcome) {
    case 'finished':
      return finished(threat('t1', 'resolved'));
    case 'assessed':
      return assessed(threat('t1', 'found'));
    case 'rolled-back':
      return restored({ id: 'b-t1', restored: true });
    case 'rollback-failed':
      return restored({ id: 'b-t1', restored: false, reason: 'backup-corrupted' });
    default:
      return { outcome: runOutcome.parse(outcome === 'stopped-asked' ? 'stopped' : outcome) };
  }
}

/** A run of this kind in this mode that an agent works on; undefined when the kind never has one. */
function running(column: Column, mode: RunMode): History | undefined {
  const first = given(opened(column, { assessFirst: mode === 'assess' }));
  const begun = mode === 'rollback' ? first.when(worked(resolvedWithBackup('t1')), rolledBack()) : first;
  return begun.task.run.mode === mode ? begun.when(handedOut(), accepted()) : undefined;
}

test('the table has a row for every mode and outcome, and a cell for every kind', () => {
  const outcomes = runOutcome.options.flatMap((outcome) =>
    outcome === 'stopped' ? ['stopped', 'stopped-asked'] : outcome,
  );
  const expected = runMode.options.flatMap((mode) => outcomes.map((outcome) => `${mode} ${outcome}`));
  expect(rows.map(({ mode, outcome }) => `${mode} ${outcome}`).toSorted()).toEqual(expected.toSorted());
  for (const { cells } of rows) expect(Object.values(cells)).not.toContain(undefined);
});

const cells = rows.flatMap(({ mode, outcome, cells }) =>
  columns.map((column) => ({ column, mode, outcome, cell: cells[column] })),
);

test.each(cells)('$column, $mode, $outcome: $cell', ({ column, mode, outcome, cell }) => {
  const history = running(column, mode);
  const result = resultOf(outcome);
  if (history === undefined) {
    expect(cell).toBe('-');
    const { task } = given(opened(column)).when(handedOut(), accepted(), cancelled());
    expect(judgeResult({ ...task, run: { ...task.run, mode } }, result)).toMatchObject({
      ok: false,
      pointer: '/outcome',
    });
    return;
  }
  const asked = history.when(cancelled());
  const cases = outcome === 'stopped' ? [history] : outcome === 'stopped-asked' ? [asked] : [history, asked];
  for (const run of cases) {
    const answer = run.answerTo(reported(result));
    const { status } = run.when(reported(result)).task;
    if (cell === 'no') {
      expect(answer).toMatchObject({ code: 422, errors: [{ pointer: '/outcome' }] });
      expect(status).toMatchObject({ code: 'agent-component-error', rejected: { pointer: '/outcome' } });
    } else {
      expect(answer).toMatchObject({ code: 200 });
      expect(String(statusEntry(status.code).number)).toBe(cell);
    }
  }
});
