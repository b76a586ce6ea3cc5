import { problem, problemTypes } from '@quell/contracts/problem';
import { routes } from '@quell/contracts/routes';
import { problemsOf, type Route, type RouteOwner } from '@quell/contracts/routes/route';
import { type Scope, scope } from '@quell/contracts/scopes';

/** A running service as the contract sees it. */
export interface ServiceUnderContract {
  readonly url: string;
  readonly owner: Exclude<RouteOwner, 'every'>;
  /** What the service registered: Fastify's `printRoutes({commonPrefix: false})`. */
  readonly registered: string;
  /** An API key with these scopes. */
  readonly keyWith: (scopes: readonly Scope[]) => Promise<string>;
}

/**
 * What a running service does otherwise than its rows of the route table say, one line each: calls that are missing or
 * that nobody wrote down, calls that let in whom they should not, and answers that do not fit their schema. It sends the
 * example of every request, and the request without anything.
 */
export async function routeFaults(service: ServiceUnderContract): Promise<string[]> {
  const own = routes.filter(({ owner }) => owner === service.owner || owner === 'every');
  const found = registeredRoutes(service.registered);
  const wanted = own.map(({ method, path }) => `${method} ${path.replaceAll(/\{(\w+)\}/g, ':$1')}`);
  const faults = [
    ...wanted.filter((name) => !found.includes(name)).map((name) => `${name} is not registered`),
    ...found
      .filter((name) => name.includes(' /v1/') && !wanted.includes(name))
      .map((name) => `${name} is not in the route table`),
  ];
  for (const route of own) {
    const outsider = await service.keyWith(
      scope.options.filter((one) => one !== 'admin' && !scopesOf(route).includes(one)),
    );
    faults.push(...(await accessFaults(service.url, route, outsider)));
    const [first] = scopesOf(route);
    if (first === undefined && route.access !== 'open') continue;
    const insider = await service.keyWith(first === undefined ? [] : [first]);
    faults.push(...(await answerFaults(service.url, route, insider, JSON.stringify(route.body?.example))));
    if (route.body !== undefined) faults.push(...(await answerFaults(service.url, route, insider, '{"no":"such"}')));
  }
  return faults;
}

function scopesOf({ access }: Route): readonly Scope[] {
  return typeof access === 'string' ? [] : access.anyScope;
}

async function accessFaults(url: string, route: Route, outsider: string): Promise<string[]> {
  if (route.access === 'open') return [];
  const body = JSON.stringify(route.body?.example);
  const unknown = await call(url, route, undefined, body);
  const faults =
    unknown.status === 401 ? [] : [`${nameOf(route)} answers ${unknown.status} to a caller without a credential`];
  if (typeof route.access === 'string') return faults;
  const refused = await call(url, route, outsider, body);
  return refused.status === 403
    ? faults
    : [...faults, `${nameOf(route)} answers ${refused.status} to a key without its scope`];
}

/** A documented answer that fits its schema, or a documented problem. */
async function answerFaults(url: string, route: Route, key: string, body: string | undefined): Promise<string[]> {
  const { status, type, json } = await call(url, route, key, body);
  const name = body === undefined ? nameOf(route) : `${nameOf(route)} with ${body.slice(0, 40)}…`;
  const answer = route.answers[status];
  if (answer !== undefined) {
    if (answer.text !== undefined && type !== answer.text) return [`${name} answers ${type}`];
    if (answer.body === undefined) return [];
    const parsed = answer.body.schema.safeParse(json);
    return parsed.success ? [] : [`${name} answers ${status}: ${parsed.error.message}`];
  }
  const parsed = problem.safeParse(json);
  if (type !== 'application/problem+json' || !parsed.success)
    return [`${name} answers ${status} ${type}, which is no problem`];
  const documented = problemsOf(route).map((one) => problemTypes[one].status as number);
  return documented.includes(status)
    ? []
    : [`${name} answers ${status}, which is not documented: ${parsed.data.detail}`];
}

async function call(url: string, route: Route, key: string | undefined, body: string | undefined) {
  const response = await fetch(`${url}${pathOf(route)}`, {
    method: route.method,
    headers: {
      ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body }),
  });
  const type = response.headers.get('content-type')?.split(';')[0];
  // An event stream has no end of its own; that it began in its type is all that is asked here.
  if (type === 'text/event-stream') await response.body?.cancel();
  const text = type === 'text/event-stream' ? '' : await response.text();
  const isJson = type?.endsWith('json') === true && text !== '';
  return { status: response.status, type, json: isJson ? (JSON.parse(text) as unknown) : undefined };
}

/** A path whose parameters have the right form and name nothing that exists. */
function pathOf({ path, pathParameters }: Route): string {
  return path.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const fitting = ['00000000-0000-4000-8000-000000000000', '1', 'x'.repeat(43)].find(
      (value) => pathParameters?.shape[name]?.safeParse(value).success === true,
    );
    if (fitting === undefined) throw new Error(`no example value for {${name}} of ${path}`);
    return fitting;
  });
}

function nameOf({ method, path }: Route): string {
  return `${method} ${path}`;
}

/** "GET /v1/tasks/:id" for every method and path in Fastify's tree; HEAD comes with every GET and is left out. */
function registeredRoutes(tree: string): string[] {
  const parts: string[] = [];
  return tree.split('\n').flatMap((line) => {
    const [, indent = '', part, methods] = /^([│ ]*)[├└]── (\S+)(?: \((.*)\))?/.exec(line) ?? [];
    if (part === undefined) return [];
    parts.splice(indent.length / 4, Number.POSITIVE_INFINITY, part);
    return (methods?.split(', ') ?? [])
      .filter((method) => method !== 'HEAD')
      .map((method) => `${method} ${parts.join('')}`);
  });
}
