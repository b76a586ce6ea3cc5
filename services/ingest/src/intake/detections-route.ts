import type { Readable } from 'node:stream';
import { requireScope } from '@quell/service-kit/auth';
import type { Authenticator } from '@quell/service-kit/authenticator';
import type { Lifecycle } from '@quell/service-kit/lifecycle';
import { lineTypes } from '@quell/service-kit/lines';
import { refusal, unavailable } from '@quell/service-kit/problem-error';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { normaliseNative } from '../sources/native.ts';
import { answerOf, refusalOf } from './answer.ts';
import { createBudget } from './budget.ts';
import { type IntakeContext, openSession, takeAll } from './intake.ts';
import { answerLines } from './lines-request.ts';
import type { Normalise } from './receive.ts';

const formats: Readonly<Record<string, Normalise>> = { native: normaliseNative };

/**
 * `POST /v1/detections` as a plain Fastify route: Nest's pipeline costs more than all the rest of a small request.
 * JSON (one object or an array) and lines; the body limit, the number of items and all bodies together are bounded.
 */
export function serveDetections(
  http: FastifyInstance,
  context: IntakeContext,
  authenticator: Authenticator,
  lifecycle: Lifecycle,
): void {
  const { limits, metrics, broker } = context;
  const budget = createBudget(limits.bytesInFlight);
  let streams = 0;

  // Its own scope: these content types are parsed so on this route only.
  http.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('application/json', { parseAs: 'buffer', bodyLimit: limits.bodyBytes }, parseJson);
    scope.addContentTypeParser(lineTypes, (_request, payload, done) => done(null, payload));
    scope.addContentTypeParser('*', (_request, _payload, done) => {
      done(refusal('unsupported-media-type', 'Send application/json, or application/x-ndjson for lines.'));
    });

    scope.addHook('onRequest', async (request) => {
      await requireScope(authenticator, request.headers.authorization, ['detections:write']);
      refuseEncoded(request);
      if (isLines(request)) return;
      // A body that does not say its length may grow to the limit.
      const bytes = Number(request.headers['content-length'] ?? limits.bodyBytes);
      if (bytes > limits.bodyBytes) return;
      if (broker.publishing().bytes > limits.bytesInFlight / 2 || !budget.take(request, bytes)) {
        metrics.turnedAway('busy');
        throw unavailable('Too much is on its way already. Send it again.', 1);
      }
    });
    scope.addHook('onResponse', (request, _reply, done) => {
      budget.giveBack(request);
      done();
    });

    scope.post<{ Querystring: { format?: unknown } }>('/v1/detections', (request, reply) => {
      const session = openSession(context, normaliserOf(request.query.format));
      if (!isLines(request)) return answerJson(request.body, reply, session);
      if (streams >= limits.streams) {
        metrics.turnedAway('busy');
        throw unavailable('Too many requests of lines are open already. Send it again.', 2);
      }
      streams++;
      answerLines(request.body as Readable, reply, session, context, () => lifecycle.stopping)
        .catch(() => reply.raw.destroy())
        .finally(() => streams--);
      return reply;
    });
  });

  async function answerJson(body: unknown, reply: FastifyReply, session: ReturnType<typeof openSession>) {
    const inList = Array.isArray(body);
    const items: readonly unknown[] = Array.isArray(body) ? body : [body];
    if (items.length > limits.items) {
      throw refusal('payload-too-large', `A list may have ${limits.items} items; send more as application/x-ndjson.`);
    }
    try {
      const answer = answerOf(await takeAll(session, items, limits.chunk), inList);
      return reply.code(202).send(answer);
    } catch (error) {
      throw refusalOf(error, metrics);
    }
  }
}

function parseJson(_request: FastifyRequest, body: Buffer, done: (error: Error | null, value?: unknown) => void): void {
  let value: unknown;
  try {
    value = jsonOf(body);
  } catch (error) {
    done(error as Error);
    return;
  }
  done(null, value);
}

function jsonOf(body: Buffer): unknown {
  if (body.length === 0) throw refusal('invalid-request', 'The body is empty.');
  try {
    return JSON.parse(body.toString('utf8'));
  } catch (error) {
    throw refusal('invalid-request', `The body is not JSON: ${(error as Error).message}`);
  }
}

function isLines(request: FastifyRequest): boolean {
  const type = request.headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase();
  return type !== undefined && lineTypes.includes(type);
}

function refuseEncoded(request: FastifyRequest): void {
  const encoding = request.headers['content-encoding'];
  if (encoding === undefined || encoding === 'identity') return;
  throw refusal('unsupported-media-type', `Content-Encoding ${encoding} is not read here; send the body as it is.`);
}

function normaliserOf(format: unknown): Normalise {
  if (format === undefined) return normaliseNative;
  const normalise = typeof format === 'string' && Object.hasOwn(formats, format) ? formats[format] : undefined;
  if (normalise !== undefined) return normalise;
  const detail = `must be one of ${Object.keys(formats).join(', ')}`;
  throw refusal('invalid-request', `?format= ${detail}`, { errors: [{ pointer: '/format', detail }] });
}
