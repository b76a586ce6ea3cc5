import type { ThreatOutcome } from '@quell/contracts/run-result';
import { statusEntry } from '@quell/contracts/status-catalogue';
import { given } from './history.fixture.ts';
import { accepted, type Column, columns, handedOut, opened, reported, threat } from './steps.fixture.ts';

// Which status every mix of threat outcomes folds to, for every kind. Source: statuses.md, the fold, rules 0–4.

const letters: Readonly<Record<string, ThreatOutcome>> = {
  R: 'resolved',
  H: 'handled-by-security-software',
  G: 'gone',
  S: 'confirmed-safe',
  F: 'failed',
};

/** Statuses by their number. `left`: an on-demand scan by the user whose user left a further threat. */
const table = `
mix     TM others ODS-U+left
-----    6      6         11
----F   16     16         17
---S-    5      2         10
---SF   16     16         17
--G--    4      2         10
--G-F   16     16         17
--GS-    4      2         10
--GSF   16     16         17
-H---    3      2         10
-H--F   16     16         17
-H-S-    3      2         10
-H-SF   16     16         17
-HG--    3      2         10
-HG-F   16     16         17
-HGS-    3      2         10
-HGSF   16     16         17
R----    2      2         10
R---F   16     16         17
R--S-    2      2         10
R--SF   16     16         17
R-G--    2      2         10
R-G-F   16     16         17
R-GS-    2      2         10
R-GSF   16     16         17
RH---    2      2         10
RH--F   16     16         17
RH-S-    2      2         10
RH-SF   16     16         17
RHG--    2      2         10
RHG-F   16     16         17
RHGS-    2      2         10
RHGSF   16     16         17`;

const rows = table
  .trim()
  .split('\n')
  .slice(1)
  .map((row) => {
    const [mix = '', ...numbers] = row.trim().split(/\s+/);
    const [tm, others, withLeft] = numbers.map(Number);
    return { mix, tm, others, withLeft };
  });

const threatsOf = (mix: string) =>
  [...mix].flatMap((letter) => letters[letter] ?? []).map((outcome) => threat(outcome, outcome));
const left = threat('left', 'left-by-user');
const found = threat('found', 'found');

/** The number of the status that a run without targets folds to when it reports these threats, or why it is refused. */
function ends(column: Column, outcome: 'finished' | 'assessed', threats: ReturnType<typeof threat>[]) {
  const running = given(opened(column, { targets: [], assessFirst: outcome === 'assessed' })).when(
    handedOut(),
    accepted(),
  );
  const report = reported({ outcome, threats });
  const answer = running.answerTo(report);
  if ('errors' in answer) return `refused at ${answer.errors?.[0]?.pointer}`;
  return statusEntry(running.when(report).task.status.code).number;
}
const refusedAt = (threats: unknown[], culprit: unknown) => `refused at /threats/${threats.indexOf(culprit)}/outcome`;

test('the table has every mix once', () => {
  const bits = Array.from({ length: 32 }, (_, n) =>
    [...'RHGSF'].map((letter, i) => ((n >> (4 - i)) & 1 ? letter : '-')).join(''),
  );
  expect(rows.map(({ mix }) => mix)).toEqual(bits);
});

describe.each(rows)('the mix $mix', ({ mix, tm, others, withLeft }) => {
  const threats = threatsOf(mix);

  test.each(columns)('of a finished %s run', (column) => {
    expect(ends(column, 'finished', threats)).toBe(column === 'TM' ? tm : others);
  });

  test('of an assessment without anything found counts like a finished run', () => {
    expect(ends('TM', 'assessed', threats)).toBe(tm);
  });

  test.each(columns)('with a threat left by the user, of a finished %s run', (column) => {
    const mixed = [...threats, left];
    expect(ends(column, 'finished', mixed)).toBe(column === 'ODS-U' ? withLeft : refusedAt(mixed, left));
  });

  test('with a threat left by the user, of an assessment', () => {
    const mixed = [left, ...threats];
    expect(ends('TM', 'assessed', mixed)).toBe(refusedAt(mixed, left));
  });

  test.each(columns)('with a threat found and not dealt with, of a finished %s run', (column) => {
    const mixed = [...threats, found];
    expect(ends(column, 'finished', mixed)).toBe(refusedAt(mixed, found));
    expect(ends(column, 'finished', [found, left, ...threats])).toMatch(/^refused/);
  });

  test('with a threat found, of an assessment', () => {
    expect(ends('TM', 'assessed', [...threats, found])).toBe(8);
    expect(ends('TM', 'assessed', [...threats, found, left])).toMatch(/^refused/);
  });
});
