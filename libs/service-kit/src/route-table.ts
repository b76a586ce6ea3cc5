import type { FastifyInstance } from 'fastify';

/** Which methods a path takes, from the routes as they were registered. Asked only when no route matched. */
export class RouteTable {
  readonly #routes = new Map<string, { pattern: RegExp; methods: Set<string> }>();

  add(url: string, method: string | readonly string[]): void {
    const route = this.#routes.get(url) ?? { pattern: patternOf(url), methods: new Set<string>() };
    for (const name of typeof method === 'string' ? [method] : method) route.methods.add(name);
    this.#routes.set(url, route);
  }

  /** The methods of every route whose pattern fits `path`, sorted. */
  methodsOf(path: string): string[] {
    const fitting = [...this.#routes.values()].filter((route) => route.pattern.test(path));
    return [...new Set(fitting.flatMap((route) => [...route.methods]))].sort();
  }
}

/** Fills a table as routes are registered; call it before the first one is. */
export function recordRoutes(http: FastifyInstance): RouteTable {
  const table = new RouteTable();
  http.addHook('onRoute', (route) => {
    // A catch-all belongs to Nest's or a plugin's plumbing and would make every path "exist".
    if (!route.url.includes('*')) table.add(route.url, route.method);
  });
  return table;
}

function patternOf(url: string): RegExp {
  const source = url
    .split('/')
    .map((part) => (part.startsWith(':') ? '[^/]+' : part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')))
    .join('/');
  return new RegExp(`^${source}/?$`);
}
