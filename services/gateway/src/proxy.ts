import { Readable } from 'node:stream';
import httpProxy from '@fastify/http-proxy';
import type { Log } from '@quell/service-kit/log';
import { refusal, unavailable } from '@quell/service-kit/problem-error';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Agent, type Dispatcher } from 'undici';
import type { Replicas } from './replicas.ts';
import { isServiceName, type ServiceName, serviceFor } from './routing.ts';

export type Upstreams = Readonly<Partial<Record<ServiceName, Replicas>>>;

/** Longer than a long poll is held; event streams have no limit once they began. */
const ANSWER_TIMEOUT_MS = 120_000;
/** A machine that is gone refuses nothing; its service may have replicas elsewhere. */
const CONNECT_TIMEOUT_MS = 2_000;
/** Of the connection rather than the message (RFC 9110, 7.6.1). Node has answered `expect: 100-continue` when we come to see it. */
const connectionHeaders = ['expect', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'upgrade'] as const;
const withoutConnectionHeaders = Object.fromEntries(connectionHeaders.map((name) => [name, undefined]));
/** Carries what we know of a request past `@fastify/reply-from`, which copies headers, symbols included, and offers no other way. */
const FORWARDING = Symbol('forwarding');

interface Forwarding {
  readonly replicas: Replicas;
  /** The caller is gone. */
  readonly signal: AbortSignal | undefined;
}

/**
 * Forwards `/v1/…` and `/metrics/<service>` as streams in both directions: nothing is parsed, buffered or sent twice. A request
 * that found no connection to one replica goes to the next. When the caller goes away its request is ended upstream too: a long
 * poll held for nobody would be handed a task.
 *
 * @returns a function that ends whatever is still being forwarded
 */
export function serveProxy(http: FastifyInstance, upstreams: Upstreams, log: Log): () => void {
  const open = new Map<FastifyRequest, AbortController>();
  const agent = new Agent({
    connect: { timeout: CONNECT_TIMEOUT_MS },
    headersTimeout: ANSWER_TIMEOUT_MS,
    bodyTimeout: 0,
    keepAliveTimeout: 30_000,
  });
  http.addHook('onClose', async () => agent.close());
  const common = {
    upstream: '',
    undici: forwarder(agent),
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
      getUpstream: (request: FastifyRequest) => upstreams[ownerOf(request)]?.origins[0] ?? '',
      // The library repeats a GET after a 503; whether to come again is the caller's decision.
      retryDelay: () => null,
      rewriteRequestHeaders: (request: FastifyRequest, headers: object) => ({
        ...headers,
        ...withoutConnectionHeaders,
        'x-request-id': request.id,
        'x-forwarded-for': request.ip,
        'x-forwarded-proto': request.protocol,
        'x-forwarded-host': request.host,
        [FORWARDING]: { replicas: upstreams[ownerOf(request)], signal: open.get(request)?.signal },
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

/** The agent, with the replicas and the signal that a request's headers carry. */
function forwarder(agent: Agent) {
  type Done = (error: Error | null, answer: Dispatcher.ResponseData) => void;
  return {
    request(options: Dispatcher.RequestOptions, done: Done) {
      const { [FORWARDING]: forwarding, ...headers } = options.headers as Record<string, string> & {
        [FORWARDING]: Forwarding;
      };
      const { replicas, signal } = forwarding;
      const [first = '', ...others] = replicas.inOrder(Date.now());
      const tryAt = (origin: string, left: readonly string[]) => {
        const [next, ...rest] = left;
        // Read only once there is a connection, so that it is whole for the next replica.
        const body = next === undefined ? options.body : untouched(options.body);
        agent.request({ ...options, body: body ?? null, origin, headers, signal: signal ?? null }, (error, answer) => {
          if (!isUnreachable(error)) return done(error, answer);
          replicas.unreachable(origin, Date.now());
          if (next === undefined || signal?.aborted) return done(error, answer);
          tryAt(next, rest);
        });
      };
      tryAt(first, others);
    },
  };
}

/** A stream that begins to read its source when it is read itself, and leaves the source alone when it is destroyed before. */
function untouched(body: Dispatcher.RequestOptions['body']): Dispatcher.RequestOptions['body'] {
  if (!(body instanceof Readable)) return body;
  return Readable.from(
    (async function* () {
      yield* body;
    })(),
    { objectMode: false },
  );
}

/** No connection came to be, so nothing was sent. */
function isUnreachable(error: Error | null): boolean {
  const code = (error as NodeJS.ErrnoException | null)?.code ?? '';
  return ['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'ENOTFOUND', 'EAI_AGAIN', 'UND_ERR_CONNECT_TIMEOUT'].includes(
    code,
  );
}
