import { deviceSearchQuery, deviceSuggestQuery } from '@quell/contracts/device-search';
import { requireScope } from '@quell/service-kit/auth';
import type { Authenticator } from '@quell/service-kit/authenticator';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Pool } from 'pg';
import { feedPosition } from '../../device-store/position.ts';
import type { LiveIndex } from '../live/live-index.ts';
import type { SearchMetrics } from '../search-metrics.ts';
import { coldAnswer, starting } from './cold-answer.ts';
import { deviceQueryOf, readParameters } from './read-query.ts';
import { searchDevices, suggestDevices } from './search-devices.ts';
import { Turns } from './turns.ts';

export interface SearchContext {
  readonly live: LiveIndex;
  /** For what Postgres answers while there is no index. */
  readonly pool: Pool;
  readonly metrics: SearchMetrics;
}

/** `GET /v1/devices` and `/v1/devices/suggest` as plain Fastify routes: Nest's pipeline costs more than most searches. */
export function serveSearch(
  http: FastifyInstance,
  { live, pool, metrics }: SearchContext,
  authenticator: Authenticator,
): void {
  const turns = new Turns();

  /** @returns false when nobody waits for the answer any more. */
  async function myTurn(request: FastifyRequest, reply: FastifyReply): Promise<boolean> {
    await turns.next();
    if (!request.raw.socket.destroyed) return true;
    metrics.abandoned();
    reply.hijack();
    return false;
  }

  http.get('/v1/devices', async (request, reply) => {
    const began = performance.now();
    await requireScope(authenticator, request.headers.authorization, ['devices:read']);
    const parameters = readParameters(deviceSearchQuery, request.query);
    const query = deviceQueryOf(parameters);
    if (live.current() === undefined) return coldAnswer(pool, parameters, query);
    const { minPosition, waitMs } = parameters;
    const fresh = minPosition === undefined || (await live.reached(feedPosition.parse(minPosition), waitMs));
    if (!(await myTurn(request, reply))) return reply;
    const current = live.current();
    if (current === undefined) throw starting();
    const page = searchDevices(current, parameters, query, !fresh);
    metrics.answered('search', began);
    return reply.type('application/json; charset=utf-8').send(page);
  });

  http.get('/v1/devices/suggest', async (request, reply) => {
    const began = performance.now();
    await requireScope(authenticator, request.headers.authorization, ['devices:read']);
    const parameters = readParameters(deviceSuggestQuery, request.query);
    if (!(await myTurn(request, reply))) return reply;
    const current = live.current();
    if (current === undefined) throw starting();
    const answer = suggestDevices(current, deviceQueryOf(parameters), parameters.limit);
    metrics.answered('suggest', began);
    return answer;
  });
}
