import fc from 'fast-check';
import { isSampled } from './sample.ts';

test('all are kept at 1, none at 0, and what a smaller part keeps a greater one keeps too', () => {
  fc.assert(
    fc.property(
      fc.string(),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (question, a, b) => {
        expect([isSampled(1, question), isSampled(0, question)]).toEqual([true, false]);
        const [less, more] = [Math.min(a, b), Math.max(a, b)];
        if (isSampled(less, question)) expect(isSampled(more, question)).toBe(true);
      },
    ),
  );
});

test('about the part that was asked for is kept', () => {
  const kept = Array.from({ length: 10_000 }, (_, index) => isSampled(0.1, `question ${index}`)).filter(Boolean);
  // Six standard deviations around 1,000; the questions are fixed.
  expect(kept.length).toBeGreaterThan(820);
  expect(kept.length).toBeLessThan(1180);
});
