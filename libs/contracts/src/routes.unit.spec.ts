import fc from 'fast-check';
import { taskStatusCatalogue } from './recommended-actions.ts';
import type { RouteBody } from './routes/route.ts';
import { routes } from './routes.ts';
import { isDeviceIdOfPath, reservedDeviceIds } from './vocabulary.ts';

/** Calls that advice already points to and that design.md names, but that nothing answers yet. */
const designedOnly = ['/v1/threat-management/pending-cleanups', '/v1/agent-configuration', '/v1/patterns'];

const bodies = routes.flatMap(({ id, body, answers }): [string, RouteBody][] => [
  ...(body === undefined ? [] : [[`${id} request`, body] as [string, RouteBody]]),
  ...Object.entries(answers).flatMap(([status, answer]): [string, RouteBody][] =>
    answer.body === undefined ? [] : [[`${id} ${status}`, answer.body]],
  ),
]);

test('a method and path, and an operation name, occur once', () => {
  const places = routes.map(({ method, path }) => `${method} ${path}`);
  expect(new Set(places).size).toBe(places.length);
  const ids = routes.map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
});

test.each(bodies)('the example of %s fits its schema', (_, { schema, example }) => {
  expect(schema.safeParse(example)).toMatchObject({ success: true });
});

test('the parameters in a path are the ones that its schema describes', () => {
  for (const { path, pathParameters } of routes) {
    const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    expect([path, Object.keys(pathParameters?.shape ?? {})]).toEqual([path, inPath]);
  }
});

test('a path names no device in whose place another call stands', () => {
  const words = routes.flatMap(({ path }) => /^\/v1\/devices\/([^/{]+)/.exec(path)?.[1] ?? []);
  expect([...new Set(words)].sort()).toEqual(reservedDeviceIds);
  for (const id of [...words, '.', '..']) expect([id, isDeviceIdOfPath(id)]).toEqual([id, false]);
  for (const id of ['...', '.x', 'Jobs', 'job']) expect([id, isDeviceIdOfPath(id)]).toEqual([id, true]);
});

test('a call that needs no credential tells nothing of the data, and only agents’ calls go without a scope', () => {
  for (const { path, access } of routes) {
    if (access === 'open') expect(path).toMatch(/^\/(livez|readyz|openapi\.json)$/);
    if (access === 'agent') expect(path).toMatch(/^\/v1\/(agents\/me\/|tasks\/\{id\}\/attempts\/)/);
    if (access === 'enrolment') expect(path).toBe('/v1/agents/enrol');
  }
});

test('advice links only to calls that exist or that the design names', () => {
  const named = (id: string) => routes.map(({ path }): string => path.replaceAll('{id}', id));
  const known = new Set([...named('{taskId}'), ...named('{exceptionId}'), ...designedOnly]);
  for (const { code, recommendedActions } of taskStatusCatalogue().items) {
    for (const { href } of recommendedActions) {
      if (href !== undefined) expect([code, href, known.has(href)]).toEqual([code, href, true]);
    }
  }
});

test('a call that answers by now is not listed as only designed', () => {
  const paths = new Set<string>(routes.map(({ path }) => path.replaceAll('{id}', '{exceptionId}')));
  expect(designedOnly.filter((path) => paths.has(path))).toEqual([]);
});

test('a filter takes one value, several values or none, and a limit stays between 1 and 500', () => {
  const query = routes.find(({ id }) => id === 'listTasks')?.query;
  expect(query?.parse({})).toEqual({ limit: 50 });
  expect(query?.parse({ kind: 'on-demand-scan', severity: ['4', '5'], actionRequired: 'false', limit: '7' })).toEqual({
    kind: ['on-demand-scan'],
    severity: [4, 5],
    actionRequired: false,
    limit: 7,
  });
  expect(query?.safeParse({ status: 'resolved' }).success).toBe(false);
  fc.assert(
    fc.property(fc.integer({ min: -1000, max: 1000 }), (limit) => {
      expect(query?.safeParse({ limit: String(limit) }).success).toBe(limit >= 1 && limit <= 500);
    }),
  );
});
