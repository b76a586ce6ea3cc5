import { deviceWatchQuery } from '@quell/contracts/device-search';
import { requireScope } from '@quell/service-kit/auth';
import type { Authenticator } from '@quell/service-kit/authenticator';
import type { Lifecycle } from '@quell/service-kit/lifecycle';
import type { Log } from '@quell/service-kit/log';
import { refusal, unavailable } from '@quell/service-kit/problem-error';
import type { FastifyInstance } from 'fastify';
import { feedPosition } from '../../device-store/position.ts';
import { starting } from '../list/cold-answer.ts';
import { deviceQueryOf, readParameters } from '../list/read-query.ts';
import { countDevices } from '../list/search-devices.ts';
import type { LiveIndex } from '../live/live-index.ts';
import { EventStream } from './event-stream.ts';
import type { Watches } from './watches.ts';

export interface WatchContext {
  readonly live: LiveIndex;
  readonly watches: Watches;
  readonly lifecycle: Lifecycle;
  readonly log: Log;
}

/** What may wait for a client to read it, in bytes. */
const MOST_UNSENT_BYTES = 1024 * 1024;

/** `GET /v1/devices/watch`: server-sent events of a query. */
export function serveWatch(
  http: FastifyInstance,
  { live, watches, lifecycle, log }: WatchContext,
  authenticator: Authenticator,
): void {
  // A HEAD would hold a stream open that nobody can see.
  http.get('/v1/devices/watch', { exposeHeadRoute: false }, async (request, reply) => {
    const { authorization } = request.headers;
    await requireScope(authenticator, authorization, ['devices:read']);
    const query = deviceQueryOf(readParameters(deviceWatchQuery, request.query));
    const resumeAfter = lastEventId(request.headers['last-event-id']);
    const current = live.current();
    if (current === undefined) throw starting();
    if (watches.full || lifecycle.stopping) throw unavailable('This replica watches as much as it can. Come again.', 5);
    const mayStay = async () => (await authenticator.authenticate(authorization)).kind === 'accepted';
    reply.hijack();
    const stream = new EventStream(reply.raw, MOST_UNSENT_BYTES);
    stream.begin({ 'x-request-id': request.id });
    watches
      .open({ stream, query, resumeAfter, count: countDevices(current, query), mayStay })
      .catch((err: unknown) => log.warn({ err }, 'a watch ended'));
    return reply;
  });
}

function lastEventId(header: string | string[] | undefined) {
  if (header === undefined || header === '') return undefined;
  const result = feedPosition.safeParse(header);
  if (result.success) return result.data;
  const detail = 'Last-Event-ID is no id of an event of a watch.';
  throw refusal('invalid-request', detail, { errors: [{ pointer: '/last-event-id', detail }] });
}
