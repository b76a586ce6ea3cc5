import fc from 'fast-check';
import { decodeRecords, encodeRecord } from './lines.ts';
import { type JournalledRun, type JournalRecord, journalRecord, runKey } from './records.ts';
import { compacted, EMPTY, evolve, isResultPending, isUnfinished, type JournalState } from './replay.ts';

const TASKS = ['4a3a4bb0-6e01-4c56-8e13-2f6cf3d5a001', '4a3a4bb0-6e01-4c56-8e13-2f6cf3d5a002'];
const BACKUPS = ['7b3a4bb0-6e01-4c56-8e13-2f6cf3d5a001', '7b3a4bb0-6e01-4c56-8e13-2f6cf3d5a002'];

const key = fc.constantFrom(...TASKS.flatMap((taskId) => [runKey(taskId, 1), runKey(taskId, 2)]));
const attempt = fc.integer({ min: 1, max: 4 });
const backupId = fc.constantFrom(...BACKUPS);
const end = fc.oneof(
  fc.record({ outcome: fc.constant('taken' as const), linksLeft: fc.nat(2) }),
  fc.constant({ outcome: 'absent' as const }),
  fc.record({ outcome: fc.constant('failed' as const), error: fc.string() }),
);
const choices = fc.dictionary(backupId, fc.constantFrom('resolve' as const, 'leave' as const, 'no-answer' as const));

function entryOf(runId: string): JournalledRun {
  const [taskId = '', run] = runId.split('/');
  const payload = { targets: [], patterns: [], choose: false, promptTimeoutSeconds: 300 };
  return {
    ...{ key: runId, run: Number(run), attempt: 1, acceptedAt: '2026-01-01T00:00:00.000Z', items: [], choices: {} },
    ...{ isCancelAsked: false, isAbandoned: false },
    work: { taskId, mode: 'mitigate', kind: 'threat-mitigation', payload, leaseSeconds: 90 },
  };
}

function planOf(id: string, path: string) {
  const nameBytes = Buffer.from(path.slice(1)).toString('base64');
  const where = { root: '/', path, nameBytes, device: '1', inode: '2', sha256: 'a'.repeat(64) };
  return { backupId: id, threatId: 'threat', name: 'Test', ...where };
}

const record: fc.Arbitrary<JournalRecord> = fc
  .oneof(
    key.map((runId) => ({ type: 'accepted' as const, entry: entryOf(runId) })),
    fc.record({ type: fc.constant('attempt-raised' as const), key, run: fc.constant(1), attempt }),
    fc.record({
      type: fc.constant('item-planned' as const),
      key,
      plan: fc.tuple(backupId, fc.string()).map(([id, name]) => planOf(id, `/${name}`)),
    }),
    fc.record({ type: fc.constant('item-ended' as const), key, backupId, end }),
    fc.record({ type: fc.constant('chosen' as const), key, choices }),
    fc.record({ type: fc.constant('cancel-asked' as const), key }),
    fc.record({
      type: fc.constant('result' as const),
      key,
      result: fc.constant({ outcome: 'finished' as const }),
    }),
    fc.record({ type: fc.constant('answered' as const), key, attempt, code: fc.constantFrom(200, 409, 410, 422) }),
    fc.record({ type: fc.constant('abandoned' as const), key, why: fc.string() }),
  )
  .map((one): JournalRecord => one);
const records = fc.array(record, { maxLength: 40 });
const fold = (list: readonly JournalRecord[]): JournalState => list.reduce(evolve, EMPTY);

test('a journal cut at any byte replays to the records that were whole, and what follows is cut off', () => {
  fc.assert(
    fc.property(records, fc.double({ min: 0, max: 1, noNaN: true }), (list, fraction) => {
      const lines = list.map(encodeRecord);
      const file = Buffer.concat(lines);
      const cut = Math.floor(fraction * file.length);
      const { records: read, validBytes } = decodeRecords(file.subarray(0, cut));
      let whole = 0;
      let bytes = 0;
      while (whole < lines.length && bytes + (lines[whole]?.length ?? 0) <= cut) bytes += lines[whole++]?.length ?? 0;
      expect(read).toEqual(list.slice(0, whole).map((one) => journalRecord.parse(one)));
      expect(validBytes).toBe(bytes);
      // What is appended after the cut is read again.
      const more = decodeRecords(Buffer.concat([file.subarray(0, validBytes), ...lines.slice(0, 1)]));
      expect(more.records).toHaveLength(read.length + Math.min(1, lines.length));
    }),
  );
});

test('a damaged byte never lets a changed record through', () => {
  fc.assert(
    fc.property(
      fc.array(record, { minLength: 1, maxLength: 10 }),
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      (list, at, flip) => {
        const file = Buffer.concat(list.map(encodeRecord));
        const place = at % file.length;
        file[place] = (file[place] ?? 0) ^ flip;
        const { records: read } = decodeRecords(file);
        expect(read).toEqual(list.slice(0, read.length).map((one) => journalRecord.parse(one)));
      },
    ),
  );
});

test('every prefix of a history is a legal state: a result stays, an end belongs to a plan, nothing is both unfinished and pending', () => {
  fc.assert(
    fc.property(records, (list) => {
      let state = EMPTY;
      for (const one of list) {
        const before = state;
        state = evolve(state, one);
        for (const [id, entry] of state) {
          const earlier = before.get(id);
          if (earlier?.result !== undefined) expect(entry.result).toBe(earlier.result);
          expect(isUnfinished(entry) && isResultPending(entry)).toBe(false);
          expect(new Set(entry.items.map(({ plan }) => plan.backupId)).size).toBe(entry.items.length);
        }
      }
    }),
  );
});

test('a run with a result is never executed again, and a higher attempt makes its result pending again', () => {
  const runId = runKey(TASKS[0] ?? '', 1);
  const done = fold([
    { type: 'accepted', entry: entryOf(runId) },
    { type: 'result', key: runId, result: { outcome: 'finished' } },
    { type: 'answered', key: runId, attempt: 1, code: 409 },
  ]).get(runId);
  expect(done && isUnfinished(done)).toBe(false);
  expect(done && isResultPending(done)).toBe(false);
  const raised = evolve(new Map([[runId, done!]]), { type: 'attempt-raised', key: runId, run: 1, attempt: 2 }).get(
    runId,
  );
  expect(raised && isUnfinished(raised)).toBe(false);
  expect(raised && isResultPending(raised)).toBe(true);
});

test('rewriting keeps every run with something left to do and reads back as the same state', () => {
  fc.assert(
    fc.property(records, fc.nat(3), (list, keep) => {
      const state = fold(list);
      const small = compacted(state, keep);
      for (const [id, entry] of state) {
        if (isUnfinished(entry) || isResultPending(entry)) expect(small.get(id)).toBe(entry);
      }
      const again = [...small.values()].map((entry) => encodeRecord({ type: 'accepted', entry }));
      expect(fold(decodeRecords(Buffer.concat(again)).records)).toEqual(new Map(small));
    }),
  );
});
