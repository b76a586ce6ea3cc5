import fc from 'fast-check';
import { type Boots, type BootVerdict, judgeBoot } from './boots.ts';

const at = (second: number) => new Date(1_700_000_000_000 + second * 1000);
const never: Boots = { bootId: null, bootSignedAt: null, earlierBootIds: [], conflictAt: null };

/** Check-ins by [bootId, second of its signature], in the order in which they arrive. */
function verdicts(checkIns: readonly (readonly [string, number])[]): BootVerdict[] {
  let boots = never;
  return checkIns.map(([bootId, second]) => {
    const judged = judgeBoot(boots, bootId, at(second), at(second));
    boots = judged.boots;
    return judged.verdict;
  });
}

test('a kill and a restart are no conflict, however often', () => {
  expect(
    verdicts([
      ['A', 1],
      ['A', 2],
      ['B', 3],
      ['B', 4],
      ['C', 5],
    ]),
  ).toEqual(['new', 'same', 'new', 'same', 'new']);
});

test('A, B, A is a clone: from then on both are refused', () => {
  expect(
    verdicts([
      ['A', 1],
      ['B', 2],
      ['A', 3],
      ['B', 4],
      ['A', 5],
    ]),
  ).toEqual(['new', 'new', 'conflict', 'conflict', 'conflict']);
});

test('a request that the old boot signed before the new one started is only late', () => {
  expect(
    verdicts([
      ['A', 1],
      ['B', 5],
      ['A', 4],
      ['B', 6],
    ]),
  ).toEqual(['new', 'new', 'stale', 'same']);
  expect(
    verdicts([
      ['A', 1],
      ['B', 5],
      ['A', 5],
      ['B', 6],
    ]),
  ).toEqual(['new', 'new', 'stale', 'same']);
});

test('the first request of a boot that ended since is late too, and puts the living boot into no conflict', () => {
  expect(
    verdicts([
      ['A', 1],
      ['C', 5],
      ['B', 3],
      ['C', 6],
    ]),
  ).toEqual(['new', 'new', 'stale', 'same']);
});

test('a boot never seen ends a conflict, and the clone that lives on makes it again', () => {
  expect(
    verdicts([
      ['A', 1],
      ['B', 2],
      ['A', 3],
      ['C', 4],
      ['C', 5],
      ['B', 6],
      ['C', 7],
    ]),
  ).toEqual(['new', 'new', 'conflict', 'new', 'same', 'conflict', 'conflict']);
});

test('one machine that restarts is never in conflict, whatever order its requests arrive in within one boot', () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(fc.nat(3), { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 20 }),
      (boots) => {
        let second = 0;
        const checkIns = boots.flatMap((gaps, boot) =>
          gaps.map((gap) => {
            second += gap;
            return [`boot-${boot}`, second] as const;
          }),
        );
        expect(verdicts(checkIns)).not.toContain('conflict');
      },
    ),
  );
});

test('two machines that both keep polling are in conflict after the second round at the latest', () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 6 }), (rounds) => {
      const checkIns = Array.from({ length: rounds * 2 }, (_, index) => [index % 2 === 0 ? 'A' : 'B', index] as const);
      const seen = verdicts(checkIns);
      expect(seen.slice(2)).toEqual(seen.slice(2).map(() => 'conflict'));
    }),
  );
});
