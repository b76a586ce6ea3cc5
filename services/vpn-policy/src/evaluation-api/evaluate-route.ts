import { vpnEvaluateQuery, vpnEvaluateRequest } from '@quell/contracts/vpn-evaluate';
import { requireScope } from '@quell/service-kit/auth';
import type { Authenticator } from '@quell/service-kit/authenticator';
import type { FastifyInstance } from 'fastify';
import { evaluate } from '../evaluation/evaluate.ts';

/** `POST /v1/vpn/evaluate` as a plain Fastify route: Nest's pipeline costs more than the decision. */
export function serveEvaluate(http: FastifyInstance, authenticator: Authenticator): void {
  http.post<{ Querystring: unknown }>(
    '/v1/vpn/evaluate',
    {
      onRequest: async (request) => {
        await requireScope(authenticator, request.headers.authorization, ['vpn:evaluate']);
      },
    },
    async (request, reply) => {
      const { trace } = vpnEvaluateQuery.parse(request.query);
      const answer = evaluate(vpnEvaluateRequest.parse(request.body));
      return reply.send(trace ? answer : { ...answer, trace: [] });
    },
  );
}
