import { MAX_LISTED, type ReportedThreat, type RunResult, runResult, threatOutcome } from '@quell/contracts/run-result';
import fc from 'fast-check';
import { fitResult } from './fit-result.ts';

const bytesOf = (value: unknown) => Buffer.byteLength(JSON.stringify(value));
const NONE: ReadonlySet<string> = new Set();

/** Files that were cleaned, as an agent reports them. */
function cleaned(count: number, pathLength: number, outcome: ReportedThreat['outcome'] = 'resolved'): RunResult {
  const paths = Array.from({ length: count }, (_, index) => `/srv/${index}/`.padEnd(pathLength, 'ж'));
  const error = outcome === 'failed' ? { error: 'locked'.repeat(100) } : {};
  const idOf = (index: number) => `0190d3f5-0000-7000-8000-${String(index).padStart(12, '0')}`;
  return {
    outcome: 'finished',
    threats: paths.map((path, index) => {
      const said = { by: 'quell-agent', action: 'quarantined', sha256: 'a'.repeat(64), ...error };
      return { id: idOf(index), name: 'EICAR-Test-File', path, outcome, ...said };
    }),
    backups: paths.map((path, index) => ({ id: idOf(index), threatId: idOf(index), kind: 'file', path })),
  };
}
const ids = (entries: readonly { id: string }[] = []) => entries.map(({ id }) => id);

test('a result that fits stays as it is', () => {
  const result = cleaned(100, 100);
  expect(fitResult(result, bytesOf(result), NONE)).toBe(result);
});

test('as many files as a result may list fit six mebibytes, however long their paths are, all backups with them', () => {
  const result = cleaned(MAX_LISTED, 4096);
  const fitted = fitResult(result, 6 * 2 ** 20, new Set(ids(result.threats)));
  expect(bytesOf(fitted)).toBeLessThanOrEqual(6 * 2 ** 20);
  expect(ids(fitted.backups)).toEqual(ids(result.backups));
  expect(ids(fitted.threats)).toEqual(ids(result.threats));
  expect(fitted).not.toHaveProperty('unlistedThreats');
  expect(runResult.safeParse(fitted).success).toBe(true);
});

test('threats that need somebody come before those that are dealt with; the others are counted', () => {
  const good = cleaned(9000, 100).threats ?? [];
  const bad = (cleaned(4000, 100, 'failed').threats ?? []).map((threat) => ({ ...threat, id: `bad-${threat.id}` }));
  const fitted = fitResult({ outcome: 'finished', threats: [...good, ...bad] }, 2 ** 20, new Set([good[0]?.id ?? '']));
  expect(ids(fitted.threats).slice(0, 4001)).toEqual([good[0]?.id, ...ids(bad)]);
  expect(fitted.unlistedThreats).toBe(13_000 - (fitted.threats?.length ?? 0));
});

test('what is lost first is the place of a backup that its threat names as well', () => {
  const result = cleaned(10, 100);
  const fitted = fitResult(result, bytesOf(result) - 100, NONE);
  expect(fitted.threats).toEqual(result.threats);
  expect(ids(fitted.backups)).toEqual(ids(result.backups));
});

test('the answers of a rollback all stay; their details go first', () => {
  const items = ids(cleaned(MAX_LISTED, 1).threats).map((id) => ({ id, restored: false, reason: 'other' as const }));
  const result: RunResult = {
    outcome: 'rollback-failed',
    items: items.map((item) => ({ ...item, detail: 'path-occupied'.repeat(70) })),
  };
  const fitted = fitResult(result, 2 * 2 ** 20, NONE);
  expect(bytesOf(fitted)).toBeLessThanOrEqual(2 * 2 ** 20);
  expect(fitted.items?.map(({ detail: _detail, ...item }) => item)).toEqual(items);
  expect(fitted).not.toHaveProperty('threats');
});

const threat: fc.Arbitrary<ReportedThreat> = fc.record(
  {
    id: fc.uuid(),
    name: fc.string({ minLength: 1, maxLength: 200, unit: 'binary' }).map((text) => text.replaceAll('\0', ' ')),
    path: fc.string({ minLength: 1, maxLength: 300 }),
    outcome: fc.constantFrom(...threatOutcome.options),
  },
  { requiredKeys: ['id', 'name', 'outcome'] },
);

test('every fitted result fits the contract, keeps every backup and every answer, and counts every threat', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(threat, { selector: ({ id }) => id, maxLength: 40 }),
      fc.nat(10_000),
      fc.nat(3),
      (threats, maxBytes, targets) => {
        const targetIds = new Set(ids(threats).slice(0, targets));
        const backups = threats.map(({ id, path }) => ({
          id,
          threatId: id,
          kind: 'file' as const,
          ...(path && { path }),
        }));
        const result: RunResult = { outcome: 'finished', threats, backups };
        const fitted = fitResult(result, maxBytes, targetIds);
        expect(runResult.safeParse(fitted).error).toBeUndefined();
        expect(ids(fitted.backups)).toEqual(ids(backups));
        expect(ids(fitted.threats)).toEqual(expect.arrayContaining([...targetIds]));
        expect((fitted.threats?.length ?? 0) + (fitted.unlistedThreats ?? 0)).toBe(threats.length);
        const least = fitResult(result, 0, targetIds);
        expect(bytesOf(fitted)).toBeLessThanOrEqual(Math.max(maxBytes, bytesOf(least)));
      },
    ),
  );
});
