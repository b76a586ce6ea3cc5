import type { FastifyInstance } from 'fastify';
import { collectDefaultMetrics, Histogram, Registry } from 'prom-client';

export { Counter, Gauge, Histogram, Registry } from 'prom-client';

/**
 * A registry of the service's own (tests run several services in one process), with the process's default metrics.
 * Name metrics `<service>_<noun>_<unit>_total` for counters, `…_seconds` or `…_bytes` in base units; no ids as labels.
 */
export function createMetrics(service: string): Registry {
  const registry = new Registry();
  registry.setDefaultLabels({ service });
  collectDefaultMetrics({ register: registry });
  return registry;
}

/** Counts and times every request of `http` by method, route pattern and status. */
export function measureRequests(http: FastifyInstance, registry: Registry): void {
  const histogram = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Time from the request until its answer was sent',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60],
    registers: [registry],
  });
  const children = new Map<string, { observe(value: number): void }>();
  http.addHook('onResponse', (request, reply, done) => {
    const route = request.routeOptions.url ?? 'none';
    const name = `${request.method} ${route} ${reply.statusCode}`;
    let child = children.get(name);
    if (child === undefined) {
      child = histogram.labels(request.method, route, String(reply.statusCode));
      children.set(name, child);
    }
    child.observe(reply.elapsedTime / 1000);
    done();
  });
}
