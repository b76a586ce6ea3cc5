import { startPositions } from './resume.ts';

const ranges = new Map([['t', [{ partition: 0, low: 5n, high: 20n }]]]);
const assigned = [{ topic: 't', partition: 0 }];
const stored = (nextOffset: bigint) => [{ topic: 't', partition: 0, nextOffset }];

test.each([5n, 12n, 20n])('a stored offset inside the log, as %p in 5 to 20, is where it starts', (nextOffset) => {
  expect(startPositions(assigned, stored(nextOffset), ranges)).toEqual({ positions: stored(nextOffset), problems: [] });
});

test('a partition without a stored offset starts at the beginning of what is left', () => {
  expect(startPositions(assigned, [], ranges)).toEqual({ positions: stored(5n), problems: [] });
});

test('a log that ends below the stored offset, or starts above it, is refused with the cure', () => {
  expect(startPositions(assigned, stored(21n), ranges)).toMatchObject({
    positions: [],
    problems: [
      expect.stringMatching(/^t\[0\] ends at 20 but messages up to 21 were handled.*Bring back the old broker data/),
    ],
  });
  expect(startPositions(assigned, stored(4n), ranges)).toMatchObject({
    positions: [],
    problems: [expect.stringMatching(/^t\[0\] starts at 5 but only messages up to 4 were handled: 1 messages expired/)],
  });
});

test('a partition the broker does not list is a problem, not a start', () => {
  expect(startPositions([{ topic: 't', partition: 7 }], [], ranges)).toMatchObject({
    positions: [],
    problems: [expect.stringContaining('t[7]')],
  });
});
