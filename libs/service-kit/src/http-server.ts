import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance, FastifyServerOptions } from 'fastify';
import type { Lifecycle } from './lifecycle.ts';

/** Body limit of ordinary routes; a route that takes more says so itself. */
export const BODY_LIMIT_BYTES = 1024 * 1024;

/** What every HTTP server of Quell has in common. Our own log, since Fastify's would cost a child logger per request. */
export const serverOptions = {
  logger: false,
  bodyLimit: BODY_LIMIT_BYTES,
  // A stop answers what is being handled and ends idle connections, rather than waiting for their keep-alive.
  forceCloseConnections: 'idle',
  // Longer than a proxy keeps its idle connections, so that it never sends into one we are closing.
  keepAliveTimeout: 72_000,
  // For receiving a request, not for answering it: a long upload of lines has time, a body sent byte by byte does not last for ever.
  requestTimeout: 600_000,
  routerOptions: { maxParamLength: 512 },
  requestIdHeader: false,
  genReqId: (request) => {
    const given = request.headers['x-request-id'];
    return typeof given === 'string' && /^[\w.:-]{1,128}$/.test(given) ? given : randomUUID();
  },
} satisfies FastifyServerOptions;

/** An empty body under `content-type: application/json` is no body: clients send that with commands that take none. */
export function acceptEmptyJson(http: FastifyInstance): void {
  const parse = http.getDefaultJsonParser('error', 'error');
  http.removeContentTypeParser('application/json');
  http.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body === '') done(null, undefined);
    else parse(request, body as string, done);
  });
}

/**
 * Makes the stop wait for the requests being handled, and for nothing else: a connection that was busy when the server began to
 * close is kept alive by Node after its answer, and `close()` would wait for its client to end it, a minute and more.
 *
 * @param close closes the server
 */
export function drainOnStop(http: FastifyInstance, lifecycle: Lifecycle, close: () => Promise<unknown>): void {
  const silent = new Set<Socket>();
  http.server.on('connection', (socket: Socket) => {
    silent.add(socket);
    socket.once('close', () => silent.delete(socket));
  });
  http.server.on('request', ({ socket }: IncomingMessage) => silent.delete(socket));
  http.addHook('onSend', (_request, reply, _payload, done) => {
    if (lifecycle.stopping) reply.header('connection', 'close');
    done();
  });
  lifecycle.onStop('http', 'server', async () => {
    // Streams have sent their headers long ago, so for them the header above comes too late.
    const sweep = setInterval(() => {
      http.server.closeIdleConnections();
      // One that was opened in advance and brought no request yet is not idle to Node, which waits a minute for its first.
      for (const socket of silent) if (socket.bytesRead === 0) socket.destroy();
    }, 50);
    try {
      await close();
    } finally {
      clearInterval(sweep);
    }
  });
}
