import type { FastifyInstance } from 'fastify';
import type { Registry } from 'prom-client';
import type { Health, HealthReport } from './health.ts';
import type { Lifecycle } from './lifecycle.ts';

/** `/livez` and `/readyz`: 200 or 503 with `{ok, checks}`, without a credential. Stopping is alive but not ready. */
export function serveHealth(http: FastifyInstance, health: Health, lifecycle: Lifecycle): void {
  http.get('/livez', async (_request, reply) => answer(reply, await health.report('live')));
  http.get('/readyz', async (_request, reply) => {
    if (lifecycle.stopping) return answer(reply, { ok: false, checks: { lifecycle: 'stopping' } });
    return answer(reply, await health.report('ready'));
  });
}

/** `/metrics` in the Prometheus text format, behind `mayRead`, which throws the 401 or 403. */
export function serveMetrics(
  http: FastifyInstance,
  registry: Registry,
  mayRead: (authorization: string | undefined) => Promise<unknown>,
): void {
  http.get('/metrics', async (request, reply) => {
    await mayRead(request.headers.authorization);
    return reply.type(registry.contentType).send(await registry.metrics());
  });
}

function answer(
  reply: { code(status: number): { header(name: string, value: string): { send(body: unknown): unknown } } },
  report: HealthReport,
): unknown {
  return reply
    .code(report.ok ? 200 : 503)
    .header('cache-control', 'no-store')
    .send(report);
}
