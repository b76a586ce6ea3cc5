import { createBudget } from './budget.ts';
import { createSeen } from './seen.ts';

test('the budget refuses what would go beyond it, until shares are given back, and a single request always fits', () => {
  const budget = createBudget(100);
  const [a, b, c] = [{}, {}, {}];
  expect(budget.take(a, 500)).toBe(true);
  expect(budget.take(b, 1)).toBe(false);
  budget.giveBack(a);
  budget.giveBack(a);
  expect(budget.take(b, 60)).toBe(true);
  expect(budget.take(c, 41)).toBe(false);
  expect(budget.take(c, 40)).toBe(true);
});

test('the event ids of a request are remembered up to a number, the latest ones', () => {
  const seen = createSeen(2);
  for (const id of ['a', 'b', 'c']) seen.add(id);
  expect(['a', 'b', 'c'].map((id) => seen.has(id))).toEqual([false, true, true]);
});
