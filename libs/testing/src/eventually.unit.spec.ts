import { eventually } from './eventually.ts';

test('returns the first value that is neither undefined nor false', async () => {
  const answers = [undefined, false, 0];
  await expect(eventually(() => answers.shift(), { everyMs: 1 })).resolves.toBe(0);
});

test('goes on after an error and returns the value that follows', async () => {
  let tries = 0;
  const probe = async () => {
    tries += 1;
    if (tries < 3) throw new Error(`try ${tries}`);
    return 'there';
  };
  await expect(eventually(probe, { everyMs: 1 })).resolves.toBe('there');
});

test('throws the last error when the time is over', async () => {
  let tries = 0;
  const probe = () => {
    tries += 1;
    throw new Error(`try ${tries}`);
  };
  const failed = await eventually(probe, { timeoutMs: 30, everyMs: 1 }).catch((error: Error) => error.message);
  expect(failed).toBe(`try ${tries}`);
  expect(tries).toBeGreaterThan(1);
});

test('says that the condition never held when the probe threw nothing', async () => {
  await expect(eventually(() => false, { timeoutMs: 10, everyMs: 1 })).rejects.toThrow('still false after 10 ms');
});
