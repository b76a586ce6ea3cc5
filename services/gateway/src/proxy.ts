import httpProxy from '@fastify/http-proxy';
import type { Log } from '@quell/service-kit/log';
import { refusal, unavailable } from '@quell/service-kit/problem-error';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Agent, type Dispatcher } from 'undici';
import { isServiceName, type ServiceName, serviceFor } from './routing.ts';

export type Upstreams = Readonly<Partial<Record<ServiceName, string>>>;

/** Longer than a long poll is held; event streams have no limit once they began. */
const ANSWER_TIMEOUT_MS = 120_000;
/** Of the connection rather than the message (RFC 9110, 7.6.1). Node has answered `expect: 100-continue` when we come to see it. */
const connectionHeaders = ['expect', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'upgrade'] as const;
const withoutConnectionHeaders = Object.fromEntries(connectionHeaders.map((name) => [name, undefined]));
/** Carries the caller's signal past `@fastify/reply-from`, which copies headers, symbols included, and offers no other way. */
const CALLER_GONE = Symbol('the caller is gone');

/**
 * Forwards `/v1/…` and `/metrics/<service>` as streams in both directions: nothing is parsed, buffered or retried. When the
 * caller goes away its request is ended upstream too: a long poll held for nobody would be handed a task.
 *
 * @returns a function that ends whatever is still being forwarded
 */
export function serveProxy(http: FastifyInstance, upstreams: Upstreams, log: Log): () => void {
  const open = new Map<FastifyRequest, AbortController>();
  const agent = new Agent({ headersTimeout: ANSWER_TIMEOUT_MS, bodyTimeout: 0, keepAliveTimeout: 30_000 });
  http.addHook('onClose', async () => agent.close());
  const common = {
    upstream: '',
    undici: cancellable(agent),
    disableRequestLogging: true,
    disableCache: true,
    preHandler: (request: FastifyRequest, reply: FastifyReply, done: (error?: Error) => void) => {
      if (upstreams[ownerOf(request)] === undefined) return done(nothingAt(request));
      const controller = new AbortController();
      open.set(request, controller);
      reply.raw.once('close', () => {
        open.delete(request);
        if (!reply.raw.writableFinished) controller.abort();
      });
      done();
    },
    replyOptions: {
      getUpstream: (request: FastifyRequest) => upstreams[ownerOf(request)] ?? '',
      // The library repeats a GET after a 503; whether to come again is the caller's decision.
      retryDelay: () => null,
      rewriteRequestHeaders: (request: FastifyRequest, headers: object) => ({
        ...headers,
        ...withoutConnectionHeaders,
        'x-request-id': request.id,
        'x-forwarded-for': request.ip,
        'x-forwarded-proto': request.protocol,
        'x-forwarded-host': request.host,
        [CALLER_GONE]: open.get(request)?.signal,
      }),
      onError: (reply: { request: FastifyRequest; send(error: Error): unknown }, { error }: { error: Error }) => {
        const service = ownerOf(reply.request);
        const level = open.get(reply.request)?.signal.aborted === false ? 'warn' : 'debug';
        log[level]({ reason: error.message, service, method: reply.request.method }, 'a request was not forwarded');
        reply.send(unavailable(`${service} cannot be reached. Send the request again.`, 2));
      },
    },
  } as const;
  http.register(httpProxy, { ...common, prefix: '/v1', rewritePrefix: '/v1' } as never);
  http.register(httpProxy, {
    ...common,
    prefix: '/metrics/:service',
    rewritePrefix: '/metrics',
    httpMethods: ['GET'],
  } as never);
  return () => {
    for (const controller of open.values()) controller.abort();
  };
}

function ownerOf(request: FastifyRequest): ServiceName {
  const { service } = request.params as { service?: string };
  if (service === undefined) return serviceFor(request.method, request.url);
  if (!isServiceName(service)) throw nothingAt(request);
  return service;
}

function nothingAt(request: FastifyRequest): Error {
  return refusal('not-found', `There is nothing at ${request.url.split('?', 1)[0]}.`);
}

/** The agent, with the signal that a request's headers carry. */
function cancellable(agent: Agent) {
  return {
    request(options: Dispatcher.RequestOptions, done: (error: Error | null, answer: Dispatcher.ResponseData) => void) {
      const { [CALLER_GONE]: signal, ...headers } = options.headers as Record<string, string> & {
        [CALLER_GONE]?: AbortSignal;
      };
      agent.request({ ...options, headers, signal: signal ?? null }, done);
    },
  };
}
