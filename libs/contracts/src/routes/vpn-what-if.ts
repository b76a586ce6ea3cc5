import { z } from 'zod';
import { jobDto, jobFailurePage, jobFailureQuery, jobListQuery, jobPage } from '../job.ts';
import { uuid } from '../vocabulary.ts';
import { vpnWhatIfAnswer, vpnWhatIfQuery, vpnWhatIfRequest } from '../vpn-what-if.ts';
import { exampleIds } from './examples.ts';
import type { Route } from './route.ts';
import { examplePayload, vpnTag } from './vpn.ts';

const context = { vpn: 'disconnected', network: { interface: 'WiFi', ssid: 'Office' } };
const answer = {
  contexts: 2,
  changed: 1,
  failed: 0,
  outcomes: [
    {
      from: 'connect',
      to: 'disconnect',
      count: 1,
      examples: [
        {
          deviceId: 'D-4711',
          context,
          from: { decision: 'connect', reason: 'RULE_MATCHED_CATCHALL' },
          to: { decision: 'disconnect', reason: 'RULE_MATCHED' },
        },
      ],
    },
    { from: 'connect', to: 'connect', count: 1, examples: [] },
  ],
};
const job = {
  id: '0199b3f2-6666-7c3a-9d5e-4f1f6a1b2c3d',
  kind: 'vpn-what-if',
  state: 'running',
  progress: { done: 250_000, total: 1_000_000, failed: 0 },
  input: { source: 'lines', total: 1_000_000 },
  result: answer,
  createdBy: `key:${exampleIds.key} (ops)`,
  createdAt: '2026-11-23T10:00:00Z',
  startedAt: '2026-11-23T10:00:01Z',
};

const read = { owner: 'vpn-policy', tag: vpnTag, access: { anyScope: ['vpn:read'] } } as const;
const path = { pathParameters: z.object({ id: uuid.describe('The id of the job.') }) };
const isJob = { 200: { description: 'The job.', body: { schema: jobDto, example: job } } };

export const vpnWhatIfRoutes: readonly Route[] = [
  {
    id: 'whatIfVpn',
    method: 'POST',
    path: '/v1/vpn/what-if',
    owner: 'vpn-policy',
    access: { anyScope: ['vpn:evaluate'] },
    tag: vpnTag,
    summary: 'What would a policy change',
    description:
      'Makes recorded decisions again by a draft, a version, or a policy sent along, with what stood unresolved then; or, with lines, decides ' +
      'contexts and compares with the version in force. Up to 2,000 are answered at once; more become a job, up to 10,000,000.',
    query: vpnWhatIfQuery,
    headers: z.object({
      'idempotency-key': z
        .string()
        .min(1)
        .max(256)
        .optional()
        .describe('Any text of your choice; a repeat with the same body answers the job that the first one made.'),
    }),
    body: {
      schema: vpnWhatIfRequest,
      example: {
        content: { body: { dialect: 'apple-mdm', payload: examplePayload } },
        decisions: { since: '2026-11-22T00:00:00Z' },
      },
      otherTypes: {
        'application/x-ndjson': 'A context a line, or a body of `POST /v1/vpn/evaluate` of which its context is taken.',
      },
    },
    answers: {
      200: { description: 'What would change.', body: { schema: vpnWhatIfAnswer, example: answer } },
      202: {
        description: 'All of it is kept and tried by the job in `Location`.',
        body: { schema: jobDto, example: job },
      },
    },
    problems: ['not-found', 'unprocessable', 'unavailable'],
  },
  {
    ...read,
    id: 'listVpnWhatIfs',
    method: 'GET',
    path: '/v1/vpn/what-if',
    summary: 'List these jobs',
    description: 'The newest first.',
    query: jobListQuery,
    answers: { 200: { description: 'A page of jobs.', body: { schema: jobPage, example: { items: [job] } } } },
    problems: [],
  },
  {
    ...read,
    ...path,
    id: 'getVpnWhatIf',
    method: 'GET',
    path: '/v1/vpn/what-if/{id}',
    summary: 'How far it is',
    description: '`result` has what was counted so far, in the end all of it.',
    answers: isJob,
    problems: ['not-found'],
  },
  {
    ...read,
    ...path,
    id: 'listVpnWhatIfErrors',
    method: 'GET',
    path: '/v1/vpn/what-if/{id}/errors',
    summary: 'Contexts that could not be decided',
    description: 'In their order, the first 10,000.',
    query: jobFailureQuery,
    answers: {
      200: {
        description: 'A page of them.',
        body: {
          schema: jobFailurePage,
          example: { items: [{ line: 7, pointer: '/network/interface', detail: 'Invalid option' }] },
        },
      },
    },
    problems: ['not-found'],
  },
  {
    ...read,
    ...path,
    id: 'cancelVpnWhatIf',
    method: 'POST',
    path: '/v1/vpn/what-if/{id}/cancel',
    access: { anyScope: ['vpn:evaluate'] },
    summary: 'Cancel it',
    description: 'It ends after the part that it is at.',
    answers: isJob,
    problems: ['not-found'],
  },
];
