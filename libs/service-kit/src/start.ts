import 'reflect-metadata';
import { type AddressInfo, isIP } from 'node:net';
import type { DynamicModule, Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { openApiDocument } from '@quell/contracts/generate/openapi';
import { routes as routesOfContract } from '@quell/contracts/routes';
import type { FastifyInstance } from 'fastify';
import type { Registry } from 'prom-client';
import type { z } from 'zod';
import { requireScope } from './auth.ts';
import type { Authenticator } from './authenticator.ts';
import { oidcSettings, type processEnvironment, readConfig, requireSafeBind } from './config.ts';
import { serveDocuments } from './documents.ts';
import { Health } from './health.ts';
import { acceptEmptyJson, drainOnStop, serverOptions } from './http-server.ts';
import { kitModule } from './kit-module.ts';
import { Lifecycle } from './lifecycle.ts';
import { createLog, type Log } from './log.ts';
import { createMetrics, measureRequests } from './metrics.ts';
import { nestLogger } from './nest-logger.ts';
import { withOidc } from './oidc.ts';
import { serveHealth, serveMetrics } from './operations.ts';
import { ProblemFilter } from './problem-filter.ts';
import { recordRoutes } from './route-table.ts';
import { SchemaValidationPipe } from './validation.ts';

/** What a service has at hand while it sets itself up; `Log`, `Lifecycle`, `Health` and `Registry` can be injected later. */
export interface ServiceContext<Config> {
  readonly config: Config;
  readonly log: Log;
  readonly lifecycle: Lifecycle;
  readonly health: Health;
  readonly metrics: Registry;
}

export interface ServiceParts {
  readonly module: Type | DynamicModule;
  /** Judges the API keys of `@Scopes` routes and of `/metrics`; tokens of an OpenID provider are judged beside it. */
  readonly authenticator: Authenticator;
  /** Routes outside Nest, for paths where its pipeline costs too much. */
  readonly routes?: (http: FastifyInstance, authenticator: Authenticator) => void;
  /** Runs once the service listens: the place to start consumers. */
  readonly listening?: () => void | Promise<void>;
}

export interface ServiceDefinition<Schema extends typeof processEnvironment> {
  readonly name: string;
  readonly version: string;
  /** Extends `processEnvironment` or `serviceEnvironment`. */
  readonly config: Schema;
  readonly setUp: (context: ServiceContext<z.infer<Schema>>) => Promise<ServiceParts>;
}

export interface RunningService {
  readonly url: string;
  readonly app: NestFastifyApplication;
  readonly log: Log;
  /** Stops in order: not ready → consumers → held requests → HTTP → resources. */
  stop(reason: string): Promise<void>;
}

/**
 * Starts a service in this process without touching the process (signals, exit code): tests use it as it is,
 * `runService` for a `main.ts`.
 *
 * @throws ConfigError when the environment does not fit; whatever `setUp` throws
 */
export async function startService<Schema extends typeof processEnvironment>(
  definition: ServiceDefinition<Schema>,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<RunningService> {
  const config = readConfig(definition.config, environment);
  requireSafeBind(config);
  const log = createLog(definition.name, config.QUELL_LOG_LEVEL);
  const lifecycle = new Lifecycle(log);
  const context = { config, log, lifecycle, health: new Health(log), metrics: createMetrics(definition.name) };
  try {
    const oidc = oidcSettings(config);
    const own = await definition.setUp(context);
    const parts = oidc === undefined ? own : { ...own, authenticator: withOidc(own.authenticator, oidc) };
    lifecycle.onStop('resources', 'authenticator', () => parts.authenticator.close());
    const app = await createApplication(definition, context, parts);
    await app.listen({ port: config.PORT, host: config.QUELL_BIND });
    const { port } = app.getHttpServer().address() as AddressInfo;
    const url = `http://${isIP(config.QUELL_BIND) === 6 ? `[${config.QUELL_BIND}]` : config.QUELL_BIND}:${port}`;
    await parts.listening?.();
    // A launcher waits for this line, so a log level above `info` does not hide it.
    if (config.QUELL_LOG_LEVEL !== 'silent') log.child({}, { level: 'info' }).info({ url }, 'listening');
    return { url, app, log, stop: (reason) => lifecycle.stop(reason) };
  } catch (error) {
    await lifecycle.stop('the start failed');
    throw error;
  }
}

async function createApplication<Schema extends typeof processEnvironment>(
  definition: ServiceDefinition<Schema>,
  context: ServiceContext<z.infer<Schema>>,
  parts: ServiceParts,
): Promise<NestFastifyApplication> {
  const { log, lifecycle, health, metrics } = context;
  const adapter = new FastifyAdapter({
    ...serverOptions,
    skipMiddie: true,
    trustProxy: context.config.QUELL_TRUSTED_PROXIES,
  });
  const http = adapter.getInstance<FastifyInstance>();
  const routes = recordRoutes(http);
  measureRequests(http, metrics);
  http.addHook('onSend', (request, reply, _payload, done) => {
    reply.header('x-request-id', request.id);
    done();
  });
  const app = await NestFactory.create<NestFastifyApplication>(kitModule(context, parts), adapter, {
    bodyParser: false,
    abortOnError: false,
    logger: nestLogger(log),
  });
  drainOnStop(http, lifecycle, () => app.close());
  acceptEmptyJson(http);
  app.useGlobalPipes(new SchemaValidationPipe());
  app.useGlobalFilters(new ProblemFilter(log, routes));
  serveHealth(http, health, lifecycle);
  serveMetrics(http, metrics, (header) => requireScope(parts.authenticator, header, ['metrics:read']));
  const own = routesOfContract.filter(({ owner }) => owner === definition.name || owner === 'every');
  serveDocuments(http, openApiDocument(own, definition.version));
  parts.routes?.(http, parts.authenticator);
  await app.init();
  return app;
}
