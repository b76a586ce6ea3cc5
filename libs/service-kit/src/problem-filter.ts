import { type ArgumentsHost, Catch, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Log } from './log.ts';
import type { RouteTable } from './route-table.ts';
import { sendProblem, withAllowedMethods } from './send-problem.ts';

/** Answers every error of a request as problem+json, whether Nest, Fastify or a handler raised it. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  readonly #log: Log;
  readonly #routes: RouteTable;

  constructor(log: Log, routes: RouteTable) {
    this.#log = log;
    this.#routes = routes;
  }

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    sendProblem(withAllowedMethods(error, request, this.#routes), request, http.getResponse<FastifyReply>(), this.#log);
  }
}
