import { Turns } from './turns.ts';

test('whoever waits gets a turn of the event loop each, in the order of asking', async () => {
  const turns = new Turns();
  const done: string[] = [];
  const ask = (name: string) => turns.next().then(() => done.push(name));
  const all = [ask('a'), ask('b'), ask('c')];
  await new Promise((resolve) => setImmediate(resolve));
  expect(done).toEqual(['a']);
  await Promise.all([...all, ask('d')]);
  expect(done).toEqual(['a', 'b', 'c', 'd']);
  await ask('later');
  expect(done.at(-1)).toBe('later');
});
