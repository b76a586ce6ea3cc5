import { Replicas } from './replicas.ts';

const [a, b, c] = ['http://a:1', 'http://b:1', 'http://c:1'] as const;

test('replicas take turns', () => {
  const replicas = new Replicas([`${a}/`, b, c]);
  const orders = [1, 2, 3, 4].map((now) => replicas.inOrder(now));
  expect(orders).toEqual([
    [a, b, c],
    [b, c, a],
    [c, a, b],
    [a, b, c],
  ]);
});

test('one that cannot be reached is asked last for a while, and never forgotten', () => {
  const replicas = new Replicas([a, b]);
  replicas.unreachable(a, 1_000);
  for (const now of [1_001, 2_000, 5_999]) expect(replicas.inOrder(now)).toEqual([b, a]);
  expect([replicas.inOrder(6_000), replicas.inOrder(6_001)]).toContainEqual([a, b]);
});

test('those that are not ready come after those that are, and before those that cannot be reached', () => {
  const replicas = new Replicas([a, b, c]);
  replicas.setReady(a, false);
  replicas.unreachable(b, 1_000);
  expect(replicas.inOrder(1_001)).toEqual([c, a, b]);
  replicas.setReady(c, false);
  expect([replicas.inOrder(1_002), replicas.inOrder(1_003)]).toEqual([
    [c, a, b],
    [c, a, b],
  ]);
  replicas.setReady(a, true);
  expect(replicas.inOrder(1_004)).toEqual([a, c, b]);
});
