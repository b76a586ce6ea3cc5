import { z } from 'zod';
import type { ProblemType } from '../problem.ts';
import type { Scope } from '../scopes.ts';
import { uuid } from '../vocabulary.ts';

/** Which service answers. `every`: each of them, and the gateway for itself. */
export type RouteOwner = 'ingest' | 'mitigation' | 'device-registry' | 'vpn-policy' | 'every';

/**
 * Who may call: a credential with one of the scopes, an agent by its signature (RFC 9421), an agent by its signature and
 * an enrolment token, or anybody.
 */
export type RouteAccess = { anyScope: readonly [Scope, ...Scope[]] } | 'agent' | 'enrolment' | 'open';

/** A body as it travels, with one example that the tests hold against the schema. */
export type RouteBody = {
  schema: z.ZodType;
  example: unknown;
  /** The request may come without a body. */
  optional?: boolean;
  /** It never comes as JSON: the schema is that of one line of another type. */
  linesOnly?: true;
  /** The other types it may have, with what they then look like: text that no JSON schema describes. */
  otherTypes?: Readonly<Record<string, string>>;
};

/** `text`: the media type of an answer that is no JSON. */
export type RouteAnswer = { description: string; body?: RouteBody; text?: string };

/** One call of the HTTP interface; the services, the OpenAPI document and the contract tests are held against this table. */
export type Route = {
  /** The operation's name, also for generated clients. */
  id: string;
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** With `{name}` for each path parameter. */
  path: `/${string}`;
  owner: RouteOwner;
  access: RouteAccess;
  tag: string;
  summary: string;
  description: string;
  pathParameters?: z.ZodObject;
  query?: z.ZodObject;
  headers?: z.ZodObject;
  body?: RouteBody;
  answers: Readonly<Record<number, RouteAnswer>>;
  /** The problems it answers with, beside those of its access and of broken or refused service. */
  problems: readonly ProblemType[];
};

export const taskPath = z.object({ id: uuid.describe('The id of the task.') });

/** The problems a route can answer with: its own, and those that come with a credential, a body, or any call at all. */
export function problemsOf(route: Route): ProblemType[] {
  const ofAccess: ProblemType[] =
    route.access === 'open'
      ? []
      : typeof route.access === 'string'
        ? ['unauthenticated', 'too-many-requests']
        : ['unauthenticated', 'forbidden'];
  const ofBody: ProblemType[] = route.body === undefined ? [] : ['payload-too-large', 'unsupported-media-type'];
  const ofInput: ProblemType[] =
    route.body === undefined && route.query === undefined && route.pathParameters === undefined
      ? []
      : ['invalid-request'];
  return [...new Set([...ofInput, ...ofAccess, ...ofBody, ...route.problems])];
}
