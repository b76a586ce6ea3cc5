import { randomUUID } from 'node:crypto';
import { problemOf } from '@quell/contracts/problem';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Log } from './log.ts';
import { ProblemError } from './problem-error.ts';
import { problemOfError } from './problem-of-error.ts';
import type { RouteTable } from './route-table.ts';

/** A path that exists under another method is a 405 that names the methods, not a 404. */
export function withAllowedMethods(error: unknown, request: FastifyRequest, routes: RouteTable): unknown {
  const status = problemOfError(error).problem.status;
  if (status !== 404 || error instanceof ProblemError) return error;
  const path = request.url.split('?', 1)[0] ?? '/';
  const allowed = routes.methodsOf(path);
  if (allowed.length === 0) return new ProblemError(problemOf('not-found', `There is nothing at ${path}.`));
  if (allowed.includes(request.method)) return error;
  return new ProblemError(problemOf('method-not-allowed', `${path} takes ${allowed.join(', ')}.`), {
    allow: allowed.join(', '),
  });
}

/** Sends an error as problem+json with its `instance`; a fault of ours goes to the log under the same instance. */
export function sendProblem(error: unknown, request: FastifyRequest, reply: FastifyReply, log: Log): void {
  const { problem, headers, unexpected } = problemOfError(error);
  const instance = problem.instance ?? `urn:uuid:${randomUUID()}`;
  if (unexpected) {
    log.error({ err: error, instance, method: request.method, route: request.routeOptions.url }, 'a request failed');
  }
  if (reply.sent || reply.raw.headersSent) {
    // Half an answer is out: only the broken connection can still tell the caller.
    reply.raw.destroy();
    return;
  }
  reply
    .code(problem.status)
    .headers(headers)
    .header('content-type', 'application/problem+json; charset=utf-8')
    .send(JSON.stringify({ ...problem, instance }));
}
