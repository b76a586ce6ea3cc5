import { CheckInGate } from './check-in-gate.ts';

/** Work that ends when it is told to. */
function working(enter: (work: () => Promise<void>) => Promise<void>) {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const started = { is: false };
  const done = enter(() => {
    started.is = true;
    return promise;
  });
  return { started, done, end: resolve, fail: reject };
}

test('so many are worked on at once; the others have their turn in the order in which they came', async () => {
  const gate = new CheckInGate({ atOnce: 2, waiting: 9 });
  const all = Array.from({ length: 4 }, () => working((work) => gate.run(work)));
  const started = () => all.map(({ started: { is } }) => is);
  expect(started()).toEqual([true, true, false, false]);
  all[1]!.end();
  await all[1]!.done;
  expect(started()).toEqual([true, true, true, false]);
  all[0]!.fail(new Error('broken'));
  await expect(all[0]!.done).rejects.toThrow('broken');
  expect(started()).toEqual([true, true, true, true]);
});

test('who comes when too many wait is turned away with a time to come back, but what has begun goes on', async () => {
  const gate = new CheckInGate({ atOnce: 1, waiting: 1 });
  const [first, second] = [working((work) => gate.enter(work)), working((work) => gate.enter(work))];
  const refused = gate.enter(() => Promise.resolve());
  await expect(refused).rejects.toMatchObject({ problem: { status: 503 } });
  const { headers } = await refused.catch((error) => error);
  expect(Number(headers['retry-after'])).toBeGreaterThanOrEqual(1);
  expect(Number(headers['retry-after'])).toBeLessThanOrEqual(10);
  const begun = working((work) => gate.run(work));
  for (const one of [first, second, begun]) {
    one.end();
    await one.done;
  }
  await gate.enter(() => Promise.resolve());
});
