import { RouteTable } from './route-table.ts';

const table = new RouteTable();
table.add('/v1/tasks', ['GET', 'HEAD']);
table.add('/v1/tasks', 'POST');
table.add('/v1/tasks/:id/retry', 'POST');
table.add('/v1/tasks/stream', 'GET');

test('a path has the methods of every route that fits it', () => {
  expect(table.methodsOf('/v1/tasks')).toEqual(['GET', 'HEAD', 'POST']);
  expect(table.methodsOf('/v1/tasks/')).toEqual(['GET', 'HEAD', 'POST']);
  expect(table.methodsOf('/v1/tasks/a.b+c/retry')).toEqual(['POST']);
});

test('a path that no route fits has none', () => {
  for (const path of ['/', '/v1', '/v1/tasks/1', '/v1/tasks//retry', '/v1/tasks/1/retry/2', '/v1/tasks/streams']) {
    expect(table.methodsOf(path)).toEqual([]);
  }
});
