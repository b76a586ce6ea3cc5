import { z } from 'zod';
import { apiKeyPage, apiKeyRequest, createdApiKey } from '../api-keys.ts';
import { healthReport } from '../health.ts';
import { mitigationPolicy } from '../mitigation-policy.ts';
import { openApiShape } from '../openapi-shape.ts';
import { pageParameters } from '../paging.ts';
import { uuid } from '../vocabulary.ts';
import { exampleIds } from './examples.ts';
import type { Route } from './route.ts';

const tag = 'Administration';
const policy = mitigationPolicy.parse({});

const key = {
  id: exampleIds.key,
  name: 'edr-1',
  prefix: 'quell_Xy3k',
  scopes: ['detections:write'],
  createdAt: '2026-11-23T09:00:00Z',
};

export const administrationRoutes: readonly Route[] = [
  {
    id: 'getMitigationPolicy',
    method: 'GET',
    path: '/v1/mitigation-policy',
    owner: 'mitigation',
    access: { anyScope: ['tasks:read'] },
    tag,
    summary: 'The mitigation policy',
    description: 'What the server does by itself with detections and tasks.',
    answers: { 200: { description: 'The policy.', body: { schema: mitigationPolicy, example: policy } } },
    problems: [],
  },
  {
    id: 'putMitigationPolicy',
    method: 'PUT',
    path: '/v1/mitigation-policy',
    owner: 'mitigation',
    access: { anyScope: ['policy:write'] },
    tag,
    summary: 'Replace the mitigation policy',
    description:
      'Replaces all of it: a member that is left out, clocks included, goes back to its default, so `{}` is the default policy. To change ' +
      'one member, send what `GET` answers with that member changed. It holds for runs that open from now on.',
    body: { schema: mitigationPolicy, example: { ...policy, cleanup: 'assess-first' } },
    answers: { 200: { description: 'The policy in force.', body: { schema: mitigationPolicy, example: policy } } },
    problems: [],
  },
  {
    id: 'createApiKey',
    method: 'POST',
    path: '/v1/api-keys',
    owner: 'ingest',
    access: { anyScope: ['admin'] },
    tag,
    summary: 'Make an API key',
    description: 'The secret is shown in this answer only.',
    body: { schema: apiKeyRequest, example: { name: 'edr-1', scopes: ['detections:write'] } },
    answers: {
      201: {
        description: 'The key.',
        body: { schema: createdApiKey, example: { ...key, secret: 'quell_Xy3k-example' } },
      },
    },
    problems: [],
  },
  {
    id: 'listApiKeys',
    method: 'GET',
    path: '/v1/api-keys',
    owner: 'ingest',
    access: { anyScope: ['admin'] },
    tag,
    summary: 'List API keys',
    description: 'Without their secrets, which nobody keeps.',
    query: z.object(pageParameters),
    answers: { 200: { description: 'The keys.', body: { schema: apiKeyPage, example: { items: [key] } } } },
    problems: [],
  },
  {
    id: 'revokeApiKey',
    method: 'DELETE',
    path: '/v1/api-keys/{id}',
    owner: 'ingest',
    access: { anyScope: ['admin'] },
    tag,
    summary: 'Revoke an API key',
    description: 'It stops working within 5 s.',
    pathParameters: z.object({ id: uuid.describe('The id of the key.') }),
    answers: { 204: { description: 'Revoked.' } },
    problems: ['not-found'],
  },
  health('getLiveness', '/livez', 'Is it alive', 'Fails when only a restart helps.'),
  health('getReadiness', '/readyz', 'Is it ready', 'Fails while it should be sent no requests.'),
  {
    id: 'getMetrics',
    method: 'GET',
    path: '/metrics',
    owner: 'every',
    access: { anyScope: ['metrics:read'] },
    tag: 'Operations',
    summary: 'Figures for Prometheus',
    description: 'Those of the gateway; `/metrics/{service}` has those of a service.',
    answers: { 200: { description: 'The figures, in the text format of Prometheus.', text: 'text/plain' } },
    problems: [],
  },
  {
    id: 'getOpenApi',
    method: 'GET',
    path: '/openapi.json',
    owner: 'every',
    access: 'open',
    tag: 'Operations',
    summary: 'This document',
    description: 'From the gateway: every call. From a service: its own.',
    answers: {
      200: { description: 'OpenAPI 3.1.', body: { schema: openApiShape, example: { openapi: '3.1.1', paths: {} } } },
    },
    problems: [],
  },
];

function health(id: string, path: '/livez' | '/readyz', summary: string, description: string): Route {
  const example = { ok: true, checks: { database: 'ok' } };
  return {
    id,
    method: 'GET',
    path,
    owner: 'every',
    access: 'open',
    tag: 'Operations',
    summary,
    description,
    answers: {
      200: { description: 'It is.', body: { schema: healthReport, example } },
      503: {
        description: 'It is not, and why.',
        body: { schema: healthReport, example: { ok: false, checks: { database: 'no answer within 2 s' } } },
      },
    },
    problems: [],
  };
}
