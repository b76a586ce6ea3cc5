import type { z } from 'zod';
import { type ProblemType, problemOf, problemTypes } from '../problem.ts';
import { problemsOf, type Route, type RouteAccess, type RouteBody } from '../routes/route.ts';
import { componentNames } from './component-names.ts';
import { type JsonSchema, namedSchemas, parameterSchema } from './json-schema.ts';

const refPrefix = '#/components/schemas/';

/** The OpenAPI 3.1 document of these routes. Throws when a body has a schema without a component name. */
export function openApiDocument(routes: readonly Route[], version: string): JsonSchema {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routes) {
    paths[route.path] = { ...paths[route.path], [route.method.toLowerCase()]: operation(route) };
  }
  return {
    openapi: '3.1.1',
    info: {
      title: 'Quell',
      version,
      summary: 'Detections in, mitigation tasks out.',
      description:
        'Every detection that matters ends as a task on an endpoint with exactly one of 23 statuses and what to do next. ' +
        'JSON in camelCase, times in RFC 3339 within the years 1 to 9999, text in well-formed Unicode without U+0000, lists in ' +
        'cursor pages, errors as RFC 9457 problems.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/', description: 'The gateway: one base URL for every service.' }],
    tags: [...new Set(routes.map(({ tag }) => tag))].map((name) => ({
      name,
      description: tagDescriptions[name] ?? name,
    })),
    paths,
    components: {
      schemas: namedSchemas(componentNames, refPrefix, 'draft-2020-12'),
      responses: problemComponents(routes),
      securitySchemes,
    },
  };
}

const tagDescriptions: Readonly<Record<string, string>> = {
  Detections: 'What sources hand in, and where it went.',
  Tasks: 'The work on endpoints, its statuses and its commands.',
  Agents: 'Enrolment, and the calls of the agents on the endpoints.',
  Devices: 'What stands in the buildings and networks: the registry, its search and its watches.',
  VPN: 'When a device brings its tunnel up, and why.',
  Administration: 'Policy and credentials.',
  Operations: 'What probes, monitoring and tools ask.',
};

const securitySchemes = {
  apiKey: {
    type: 'http',
    scheme: 'bearer',
    description: 'An API key. Each call names the scopes of which the key needs one; `admin` includes all.',
  },
  agentSignature: {
    type: 'apiKey',
    in: 'header',
    name: 'Signature',
    description:
      'HTTP Message Signature (RFC 9421), label `quell`, alg `ed25519`, over `@method`, `@path`, `@query` and, with a body, ' +
      '`content-digest`; parameters `created`, `nonce` and `keyid` (the agentId). `Signature-Input` goes with it.',
  },
};

function operation(route: Route): JsonSchema {
  const parameters = [
    ...parametersOf('path', route.pathParameters),
    ...parametersOf('query', route.query),
    ...parametersOf('header', route.headers),
  ];
  return {
    operationId: route.id,
    tags: [route.tag],
    summary: route.summary,
    description: route.description,
    security: securityOf(route.access),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(route.body === undefined
      ? {}
      : { requestBody: { required: route.body.optional !== true, content: content(route.body) } }),
    responses: { ...answersOf(route), ...problemAnswers(problemsOf(route)) },
  };
}

function answersOf(route: Route): JsonSchema {
  return Object.fromEntries(
    Object.entries(route.answers).map(([status, { description, body, text }]) => [
      status,
      {
        description,
        ...(body === undefined ? {} : { content: content(body) }),
        ...(text === undefined ? {} : { content: { [text]: { schema: { type: 'string' } } } }),
      },
    ]),
  );
}

/** One answer per status code: several problem types may share it. */
function problemAnswers(names: readonly ProblemType[]): JsonSchema {
  return Object.fromEntries(
    problemGroups(names).map((types) => [statusOf(types), { $ref: `#/components/responses/${groupName(types)}` }]),
  );
}

/** The answers that `problemAnswers` refers to. */
function problemComponents(routes: readonly Route[]): JsonSchema {
  const groups = routes.flatMap((route) => problemGroups(problemsOf(route)));
  return Object.fromEntries(
    groups.map((types) => [
      groupName(types),
      {
        description: types.map((name) => `${problemTypes[name].title} (\`urn:quell:problem:${name}\`).`).join(' '),
        content: {
          'application/problem+json': {
            schema: { $ref: `${refPrefix}Problem` },
            example: problemOf(types[0], 'What was wrong this time, and the cure.'),
          },
        },
      },
    ]),
  );
}

type ProblemGroup = [ProblemType, ...ProblemType[]];

function problemGroups(names: readonly ProblemType[]): ProblemGroup[] {
  const groups = new Map<number, ProblemGroup>();
  for (const name of [...names, 'internal' as const]) {
    const { status } = problemTypes[name];
    const group = groups.get(status);
    if (group === undefined) groups.set(status, [name]);
    else group.push(name);
  }
  return [...groups.values()];
}

function statusOf([first]: ProblemGroup): string {
  return String(problemTypes[first].status);
}

function groupName(types: ProblemGroup): string {
  return types.map((name) => name.replaceAll(/(?:^|-)(.)/g, (_, letter: string) => letter.toUpperCase())).join('Or');
}

function securityOf(access: RouteAccess): JsonSchema[] {
  if (access === 'open') return [];
  if (access === 'agent' || access === 'enrolment') return [{ agentSignature: [] }];
  return access.anyScope.map((scope) => ({ apiKey: [scope] }));
}

function content({ schema, example, linesOnly, otherTypes = {} }: RouteBody): JsonSchema {
  return {
    ...(linesOnly ? {} : { 'application/json': { schema: { $ref: `${refPrefix}${nameOf(schema)}` }, example } }),
    ...Object.fromEntries(
      Object.entries(otherTypes).map(([type, description]) => [type, { schema: { type: 'string', description } }]),
    ),
  };
}

const names = new Map(Object.entries(componentNames).map(([name, schema]) => [schema, name]));

function nameOf(schema: z.ZodType): string {
  const name = names.get(schema);
  if (name === undefined) throw new Error('a body of a route has no name in component-names.ts');
  return name;
}

function parametersOf(place: 'path' | 'query' | 'header', object: z.ZodObject | undefined): JsonSchema[] {
  if (object === undefined) return [];
  const { properties } = parameterSchema(object) as { properties: Record<string, JsonSchema> };
  return Object.entries(properties).map(([name, { description, ...schema }]) => ({
    name,
    in: place,
    required: place === 'path',
    ...(description === undefined ? {} : { description }),
    schema,
  }));
}
