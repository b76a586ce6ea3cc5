import { deviceSearchQuery } from '@quell/contracts/device-search';
import { ProblemError } from '@quell/service-kit/problem-error';
import { deviceQueryOf, readParameters } from './read-query.ts';

const read = (parameters: object) => readParameters(deviceSearchQuery, parameters);
const refusalOf = (parameters: object) => {
  try {
    read(parameters);
  } catch (error) {
    if (error instanceof ProblemError) return error.problem;
  }
  return undefined;
};

test('an unknown feature is refused by its name, never taken for no filter', () => {
  const problem = refusalOf({ feature: 'relay,wifi' });
  expect(problem).toMatchObject({ status: 400, errors: [{ pointer: '/feature/1' }] });
  expect(problem?.detail).toContain('"wifi"');
  expect(refusalOf({ feature: '' })?.status).toBe(400);
});

test('an unknown parameter is refused by its name', () => {
  expect(refusalOf({ q: 'a', page: '2', size: '5' })?.errors?.map(({ pointer }) => pointer)).toEqual([
    '/page',
    '/size',
  ]);
});

test('features may be repeated or separated by commas, and count once', () => {
  const { feature } = deviceQueryOf(read({ feature: ['relay,wireless', 'relay'] }));
  expect(feature).toEqual(['relay', 'wireless']);
  expect(deviceQueryOf(read({ feature: 'wireless,relay' }))).toEqual(
    deviceQueryOf(read({ feature: ['relay', 'wireless'] })),
  );
  expect(deviceQueryOf(read({})).feature).toEqual([]);
});

test('one value of a filter counts as a list of one', () => {
  expect(deviceQueryOf(read({ group: 'a, b', tag: ['x', 'x'] }))).toMatchObject({ group: ['a, b'], tag: ['x'] });
});

test.each([
  { limit: '501' },
  { minPosition: '7' },
  { waitMs: '1001' },
  { sort: 'size' },
  { q: 'x'.repeat(257) },
  { q: ['a', 'b'] },
  { platform: 'amiga' },
])('%j is refused', (parameters) => {
  expect(refusalOf(parameters)).toMatchObject({
    status: 400,
    errors: [{ pointer: expect.stringMatching(`^/${Object.keys(parameters)[0]}`) }],
  });
});
