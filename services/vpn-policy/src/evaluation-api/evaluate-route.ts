import { PassThrough, type Readable } from 'node:stream';
import { vpnEvaluateQuery, vpnEvaluateRequest } from '@quell/contracts/vpn-evaluate';
import { requireScope } from '@quell/service-kit/auth';
import type { Authenticator } from '@quell/service-kit/authenticator';
import type { Lifecycle } from '@quell/service-kit/lifecycle';
import { lineTypes } from '@quell/service-kit/lines';
import { refusal, unavailable } from '@quell/service-kit/problem-error';
import { readPast } from '@quell/service-kit/read-past';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { DecisionKeeping } from '../decision-log/decision-keeping.ts';
import { evaluate } from '../evaluation/evaluate.ts';
import { answerLines } from './bulk.ts';

/** Requests of lines that are answered at the same time: each takes its share of one core. */
const STREAMS = 8;

/** `POST /v1/vpn/evaluate` and its form for many, as plain Fastify routes: Nest's pipeline costs more than the decision. */
export function serveEvaluate(
  http: FastifyInstance,
  authenticator: Authenticator,
  lifecycle: Lifecycle,
  keeping: Pick<DecisionKeeping, 'keepStateless'>,
): void {
  const onRequest = async (request: FastifyRequest) => {
    await requireScope(authenticator, request.headers.authorization, ['vpn:evaluate']);
  };

  http.post('/v1/vpn/evaluate', { onRequest }, async (request, reply) => {
    const { trace } = vpnEvaluateQuery.parse(request.query);
    const asked = vpnEvaluateRequest.parse(request.body);
    const answer = evaluate(asked);
    await keeping.keepStateless(asked, answer);
    return reply.send(trace ? answer : { ...answer, trace: [] });
  });

  let streams = 0;
  // Its own scope: lines are handed on unparsed on this route only.
  http.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser(lineTypes, (_request, payload, done) => done(null, payload));
    scope.addContentTypeParser('*', (_request, _payload, done) => {
      done(
        refusal('unsupported-media-type', 'Send application/x-ndjson: one request of POST /v1/vpn/evaluate a line.'),
      );
    });
    scope.post('/v1/vpn/evaluate/bulk', { onRequest }, (request, reply) => {
      const { trace } = vpnEvaluateQuery.parse(request.query);
      if (request.body === undefined) throw refusal('invalid-request', 'The body is empty.');
      if (streams >= STREAMS) throw unavailable('Too many requests of lines are open already. Send it again.', 2);
      streams++;
      const out = new PassThrough();
      const body = request.body as Readable;
      // Ended early, the iterator would take the connection with it, and the answer.
      answerLines(body.iterator({ destroyOnReturn: false }), out, {
        trace,
        keep: keeping.keepStateless,
        stopping: () => lifecycle.stopping,
      })
        .then(
          () => out.end(),
          (error: Error) => out.destroy(error),
        )
        .finally(() => readPast(body, () => streams--));
      return reply.header('content-type', 'application/x-ndjson').send(out);
    });
  });
}
