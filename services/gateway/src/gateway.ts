import { readFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { openApiDocument } from '@quell/contracts/generate/openapi';
import { routes } from '@quell/contracts/routes';
import { serveDocuments } from '@quell/service-kit/documents';
import { Health } from '@quell/service-kit/health';
import { drainOnStop, serverOptions } from '@quell/service-kit/http-server';
import { Lifecycle } from '@quell/service-kit/lifecycle';
import { createLog, type Log } from '@quell/service-kit/log';
import { createMetrics, measureRequests } from '@quell/service-kit/metrics';
import { serveHealth, serveMetrics } from '@quell/service-kit/operations';
import { recordRoutes } from '@quell/service-kit/route-table';
import { sendProblem, withAllowedMethods } from '@quell/service-kit/send-problem';
import Fastify, { type FastifyInstance } from 'fastify';
import { type GatewayConfig, readGatewayConfig } from './gateway-environment.ts';
import { serveProxy, type Upstreams } from './proxy.ts';
import { watchReadiness } from './readiness-watch.ts';
import { Replicas } from './replicas.ts';
import { mayReadMetrics, readiness } from './upstream-checks.ts';

/** What the base URL answers to somebody who opens it. */
const front = { name: 'Quell', docs: '/docs', openapi: '/openapi.json', ready: '/readyz' };

export interface RunningGateway {
  readonly url: string;
  readonly log: Log;
  stop(reason: string): Promise<void>;
}

/**
 * Starts the one base URL in front of the services.
 *
 * @throws ConfigError when the settings do not fit
 */
export async function startGateway(environment: Readonly<Record<string, string | undefined>>): Promise<RunningGateway> {
  const config = readGatewayConfig(environment);
  const log = createLog('gateway', config.QUELL_LOG_LEVEL);
  const lifecycle = new Lifecycle(log);
  const upstreams = upstreamsOf(config);
  const health = new Health(log);
  for (const [name, { origins }] of Object.entries(upstreams)) health.addReadyCheck(name, () => readiness(origins));

  const http = await createServer(config);
  const table = recordRoutes(http);
  const metrics = createMetrics('gateway');
  measureRequests(http, metrics);
  http.setErrorHandler((error, request, reply) => sendProblem(error, request, reply, log));
  http.setNotFoundHandler((request, reply) => {
    const missing = Object.assign(new Error('not found'), { statusCode: 404 });
    sendProblem(withAllowedMethods(missing, request, table), request, reply, log);
  });
  serveHealth(http, health, lifecycle);
  serveMetrics(http, metrics, (header) => mayReadMetrics(config.QUELL_INGEST_URL, header));
  serveDocuments(http, openApiDocument(routes, '0.1.0'));
  http.get('/', (_request, reply) => reply.send(front));
  const cut = serveProxy(http, upstreams, log);
  drainOnStop(http, lifecycle, async () => {
    const impatience = setTimeout(cut, config.QUELL_DRAIN_SECONDS * 1000);
    await http.close();
    clearTimeout(impatience);
  });

  for (const replicas of Object.values(upstreams)) {
    lifecycle.onStop('resources', 'a watch of readiness', watchReadiness(replicas));
  }
  await http.listen({ port: config.QUELL_PORT, host: config.QUELL_HOST });
  const url = urlOf(config, http.server.address() as AddressInfo);
  if (config.QUELL_LOG_LEVEL !== 'silent') log.child({}, { level: 'info' }).info({ url }, 'listening');
  return { url, log, stop: (reason) => lifecycle.stop(reason) };
}

function upstreamsOf(config: GatewayConfig): Upstreams {
  const { QUELL_DEVICE_REGISTRY_URL, QUELL_VPN_POLICY_URL } = config;
  return {
    ingest: new Replicas(config.QUELL_INGEST_URL),
    mitigation: new Replicas(config.QUELL_MITIGATION_URL),
    ...(QUELL_DEVICE_REGISTRY_URL === undefined ? {} : { 'device-registry': new Replicas(QUELL_DEVICE_REGISTRY_URL) }),
    ...(QUELL_VPN_POLICY_URL === undefined ? {} : { 'vpn-policy': new Replicas(QUELL_VPN_POLICY_URL) }),
  };
}

async function createServer(config: GatewayConfig): Promise<FastifyInstance> {
  const { QUELL_TLS_CERT, QUELL_TLS_KEY } = config;
  if (QUELL_TLS_CERT === undefined || QUELL_TLS_KEY === undefined) return Fastify(serverOptions);
  const https = { cert: await readFile(QUELL_TLS_CERT), key: await readFile(QUELL_TLS_KEY) };
  return Fastify({ ...serverOptions, https }) as unknown as FastifyInstance;
}

function urlOf(config: GatewayConfig, address: AddressInfo): string {
  const host = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return `http${config.QUELL_TLS_CERT === undefined ? '' : 's'}://${host}:${address.port}`;
}
