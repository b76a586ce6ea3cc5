import { z } from 'zod';
import { uuid } from '../vocabulary.ts';
import { vpnDecisionDto, vpnDecisionListQuery, vpnDecisionPage, vpnDecisionQuery } from '../vpn-decision.ts';
import type { Route } from './route.ts';
import { vpnTag } from './vpn.ts';

const record = {
  id: '0199b3f2-5555-7c3a-9d5e-4f1f6a1b2c3d',
  decidedAt: '2026-11-23T10:00:00.000Z',
  deviceId: 'D-4711',
  policyId: '0199b3f2-4444-7c3a-9d5e-4f1f6a1b2c3d',
  policyVersion: 1,
  by: 'group',
  dialect: 'apple-mdm',
  decision: 'connect',
  reason: 'RULE_MATCHED_CATCHALL',
};

export const vpnDecisionRoutes: readonly Route[] = [
  {
    id: 'listVpnDecisions',
    method: 'GET',
    path: '/v1/vpn/decisions',
    owner: 'vpn-policy',
    access: { anyScope: ['vpn:read'] },
    tag: vpnTag,
    summary: 'The log of decisions',
    description:
      'The last made first. Holds the part of decisions that the settings say, and every one by which a device was told something else than ' +
      'before; a decision is there a moment after its answer.',
    query: vpnDecisionListQuery,
    answers: {
      200: { description: 'A page of decisions.', body: { schema: vpnDecisionPage, example: { items: [record] } } },
    },
    problems: [],
  },
  {
    id: 'getVpnDecision',
    method: 'GET',
    path: '/v1/vpn/decisions/{id}',
    owner: 'vpn-policy',
    access: { anyScope: ['vpn:read'] },
    tag: vpnTag,
    summary: 'One decision and what it was made from',
    description: 'With `?trace=true` it is made again, from what was recorded and the policy as it was, for its trace.',
    pathParameters: z.object({ id: uuid.describe('The id of the decision.') }),
    query: vpnDecisionQuery,
    answers: {
      200: {
        description: 'The decision.',
        body: {
          schema: vpnDecisionDto,
          example: { ...record, inputs: { context: { network: { interface: 'WiFi' } } } },
        },
      },
    },
    problems: ['not-found'],
  },
];
