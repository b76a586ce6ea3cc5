import { z } from 'zod';
import { pageParameters } from '../paging.ts';
import { deviceId, uuid } from '../vocabulary.ts';
import { vpnEvaluateQuery } from '../vpn-evaluate.ts';
import {
  assignVpnPolicy,
  publishVpnPolicy,
  retireVpnPolicy,
  rollBackVpnPolicy,
  vpnDecision,
  vpnDeviceEvaluateRequest,
  vpnDevicePage,
  vpnPolicyDiffAnswer,
  vpnPolicyDiffQuery,
  vpnPolicyDraft,
  vpnPolicyDto,
  vpnPolicyEvaluateRequest,
  vpnPolicyHistoryPage,
  vpnPolicyListQuery,
  vpnPolicyPage,
  vpnPolicyValidation,
  vpnPolicyVersionDto,
  vpnPolicyVersionPage,
} from '../vpn-policy-api.ts';
import { exampleIds } from './examples.ts';
import type { Route, RouteBody } from './route.ts';
import { exampleDecision, examplePayload, vpnTag } from './vpn.ts';

const id = '0199b3f2-4444-7c3a-9d5e-4f1f6a1b2c3d';
const by = `key:${exampleIds.key} (ops)`;
const at = '2026-11-23T10:00:00.000Z';
const content = {
  body: { dialect: 'apple-mdm', payload: examplePayload },
  posture: { action: { kind: 'disconnect' }, minSeverity: 4 },
};
const published = { number: 1, publishedAt: at, publishedBy: by, reason: 'First policy.', acceptedFindings: [] };
const assignment = { priority: 10, groups: ['sales'], queries: [], everyone: false };
const summary = {
  id,
  name: 'Laptops',
  state: 'published',
  dialect: 'apple-mdm',
  current: 1,
  hasDraft: false,
  assignment: { ...assignment, since: at },
  createdAt: at,
  createdBy: by,
  updatedAt: at,
  version: 3,
};
const policy = { ...summary, inForce: { ...published, content } };
const reason = 'As agreed with the network team.';

const path = { pathParameters: z.object({ id: uuid.describe('The id of the policy.') }) };
const headers = z.object({
  'if-match': z.string().max(1024).optional().describe('Only when the policy has one of these `ETag`s.'),
});
const common = { owner: 'vpn-policy', tag: vpnTag } as const;
const read = { ...common, access: { anyScope: ['vpn:read'] } } as const;
const write = { ...common, access: { anyScope: ['vpn:write'] } } as const;
const decides = { ...common, access: { anyScope: ['vpn:evaluate'] } } as const;
const afterwards = {
  200: { description: 'The policy after it, with its `ETag`.', body: { schema: vpnPolicyDto, example: policy } },
};

export const vpnPolicyRoutes: readonly Route[] = [
  {
    ...write,
    id: 'draftVpnPolicy',
    method: 'POST',
    path: '/v1/vpn/policies',
    summary: 'Draft a policy',
    description:
      'A draft decides for no device. Values that may be secrets are not kept: `[withheld]` stands in their place. A probe whose URL carries ' +
      'a credential is refused.',
    headers: z.object({
      'idempotency-key': z
        .string()
        .min(1)
        .max(256)
        .optional()
        .describe(
          'Any text of your choice; a repeat with the same body answers with the same policy, as it is by then.',
        ),
    }),
    body: { schema: vpnPolicyDraft, example: { name: 'Laptops', ...content, reason } },
    answers: {
      201: {
        description: 'The policy, with its `ETag` and `Location`.',
        body: { schema: vpnPolicyDto, example: policy },
      },
    },
    problems: ['conflict', 'unprocessable', 'unavailable'],
  },
  {
    ...read,
    id: 'listVpnPolicies',
    method: 'GET',
    path: '/v1/vpn/policies',
    summary: 'List policies',
    description: 'The last drafted first, without what they say.',
    query: vpnPolicyListQuery,
    answers: {
      200: { description: 'A page of policies.', body: { schema: vpnPolicyPage, example: { items: [summary] } } },
    },
    problems: [],
  },
  {
    ...read,
    ...path,
    id: 'getVpnPolicy',
    method: 'GET',
    path: '/v1/vpn/policies/{id}',
    summary: 'One policy',
    description: 'Its version in force and, where it differs, its draft. Shows every write that was answered before.',
    answers: { 200: { description: 'The policy, with its `ETag`.', body: { schema: vpnPolicyDto, example: policy } } },
    problems: ['not-found'],
  },
  {
    ...change('editVpnPolicyDraft', 'PUT', 'draft', 'Edit the draft', {
      schema: vpnPolicyDraft,
      example: { name: 'Laptops', ...content, reason },
    }),
    description: 'Replaces the draft as a whole. The version in force stays until the draft is published.',
    problems: ['not-found', 'conflict', 'precondition-failed', 'unprocessable', 'unavailable'],
  },
  {
    ...read,
    ...path,
    id: 'validateVpnPolicy',
    method: 'POST',
    path: '/v1/vpn/policies/{id}/validate',
    summary: 'Lint the draft',
    description: 'What lint says to the draft, and which of its rules keep it from being published.',
    answers: {
      200: {
        description: 'The findings.',
        body: {
          schema: vpnPolicyValidation,
          example: { publishable: true, blocking: [], findings: [], undecided: [] },
        },
      },
    },
    problems: ['not-found', 'unavailable'],
  },
  {
    ...change('publishVpnPolicy', 'POST', 'publish', 'Publish the draft', {
      schema: publishVpnPolicy,
      example: { reason, acceptFindings: [] },
    }),
    description:
      'Makes the draft the next version, which holds from now on for the devices that the policy is for. An error of lint refuses it with 422 ' +
      'unless `acceptFindings` names its rule; a draft that is too large for lint counts as the error `NOT_LINTED`.',
    problems: ['not-found', 'conflict', 'precondition-failed', 'unprocessable', 'unavailable'],
  },
  {
    ...change('rollBackVpnPolicy', 'POST', 'rollback', 'Roll back to a version', {
      schema: rollBackVpnPolicy,
      example: { version: 1, reason },
    }),
    description: 'Makes a new version that says what an earlier one said. The draft stays as it is.',
  },
  {
    ...change('retireVpnPolicy', 'POST', 'retire', 'Retire a policy', { schema: retireVpnPolicy, example: { reason } }),
    description: 'It is for no device any more, and nothing changes it again. It can still be read.',
  },
  {
    ...change('assignVpnPolicy', 'PUT', 'assignment', 'Say which devices it is for', {
      schema: assignVpnPolicy,
      example: { ...assignment, reason },
    }),
    description:
      'Replaces the assignment as a whole; empty, the policy is for no device. Of the policies that are for a device exactly one decides: any ' +
      'that means the device before those for everyone, then the greater priority, then a group before a query, then the one assigned for longer. ' +
      'A query without any filter is refused: that is what `everyone` is for.',
  },
  {
    ...read,
    ...path,
    id: 'listVpnPolicyDevices',
    method: 'GET',
    path: '/v1/vpn/policies/{id}/devices',
    summary: 'Which devices it decides for',
    description:
      'By device id: those for which no other policy comes first. A page may hold fewer than `limit` and still have a next one. Follows the ' +
      'registry with a short delay.',
    query: z.object(pageParameters),
    answers: {
      200: {
        description: 'A page of devices.',
        body: {
          schema: vpnDevicePage,
          example: {
            items: [
              {
                id: 'D-4711',
                model: '',
                label: '',
                capabilities: [],
                hostnames: [],
                ips: [],
                macs: [],
                tags: [],
                version: 1,
                by: 'group',
              },
            ],
          },
        },
      },
    },
    problems: ['not-found'],
  },
  {
    ...read,
    ...path,
    id: 'listVpnPolicyVersions',
    method: 'GET',
    path: '/v1/vpn/policies/{id}/versions',
    summary: 'Its publications',
    description: 'The last one first.',
    query: z.object(pageParameters),
    answers: {
      200: {
        description: 'A page of versions.',
        body: { schema: vpnPolicyVersionPage, example: { items: [published] } },
      },
    },
    problems: ['not-found'],
  },
  {
    ...read,
    id: 'getVpnPolicyVersion',
    method: 'GET',
    path: '/v1/vpn/policies/{id}/versions/{number}',
    pathParameters: z.object({
      id: uuid.describe('The id of the policy.'),
      number: z.coerce.number().int().min(1).describe('The number of the version.'),
    }),
    summary: 'One publication',
    description: 'Nothing changes it.',
    answers: {
      200: { description: 'The version.', body: { schema: vpnPolicyVersionDto, example: { ...published, content } } },
    },
    problems: ['not-found'],
  },
  {
    ...read,
    ...path,
    id: 'getVpnPolicyHistory',
    method: 'GET',
    path: '/v1/vpn/policies/{id}/history',
    summary: 'Who changed it, and why',
    description: 'Every event of the policy in order, the first one first.',
    query: z.object(pageParameters),
    answers: {
      200: {
        description: 'A page of events.',
        body: {
          schema: vpnPolicyHistoryPage,
          example: {
            items: [
              {
                id: exampleIds.event,
                type: 'PolicyRetired',
                version: 4,
                occurredAt: at,
                recordedAt: at,
                actor: by,
                data: { reason },
                correlationId: id,
              },
            ],
          },
        },
      },
    },
    problems: ['not-found'],
  },
  {
    ...read,
    ...path,
    id: 'diffVpnPolicyVersions',
    method: 'GET',
    path: '/v1/vpn/policies/{id}/diff',
    summary: 'What two versions do otherwise',
    description:
      'Compares by meaning, as `POST /v1/vpn/diff` does: the version in force with the draft unless asked otherwise. Where the posture settings ' +
      'are not the same, `posture` has both; `different-posture` says that nothing else differs.',
    query: vpnPolicyDiffQuery,
    answers: {
      200: {
        description: 'The comparison.',
        body: { schema: vpnPolicyDiffAnswer, example: { result: 'equal', classes: 12 } },
      },
    },
    problems: ['not-found', 'unprocessable', 'unavailable'],
  },
  {
    ...decides,
    ...path,
    id: 'evaluateVpnPolicy',
    method: 'POST',
    path: '/v1/vpn/policies/{id}/evaluate',
    summary: 'Decide by this policy',
    description:
      'What the policy, or a version or the draft of it, decides in a context, with the posture of a device where one is named. Whether the ' +
      'policy is for that device does not matter here.',
    query: vpnEvaluateQuery,
    body: {
      schema: vpnPolicyEvaluateRequest,
      example: { deviceId: 'D-4711', context: { network: { interface: 'WiFi', ssid: 'Cafe' } } },
    },
    answers: {
      200: {
        description: 'The decision.',
        body: {
          schema: vpnDecision,
          example: {
            id,
            decidedAt: at,
            deviceId: 'D-4711',
            device: 'known',
            policy: { policyId: id, name: 'Laptops', version: 1, by: 'asked' },
            answer: exampleDecision,
          },
        },
      },
    },
    problems: ['not-found', 'conflict'],
  },
  {
    ...decides,
    id: 'evaluateVpnForDevice',
    method: 'POST',
    path: '/v1/vpn/devices/{deviceId}/evaluate',
    pathParameters: z.object({ deviceId: deviceId.describe('The id of the device.') }),
    summary: 'Decide for a device',
    description:
      'By the policy that is for it and its posture. `policy` says which one and why that one, and which came after; `null` when none is for it.',
    query: vpnEvaluateQuery,
    body: { schema: vpnDeviceEvaluateRequest, example: { context: { network: { interface: 'WiFi', ssid: 'Cafe' } } } },
    answers: {
      200: {
        description: 'The decision.',
        body: {
          schema: vpnDecision,
          example: { id, decidedAt: at, deviceId: 'D-4711', device: 'unknown', policy: null, answer: null },
        },
      },
    },
    problems: [],
  },
];

function change(operation: string, method: 'POST' | 'PUT', name: string, title: string, body: RouteBody) {
  return {
    ...write,
    ...path,
    id: operation,
    method,
    path: `/v1/vpn/policies/{id}/${name}`,
    summary: title,
    headers,
    body,
    answers: afterwards,
    problems: ['not-found', 'conflict', 'precondition-failed', 'unavailable'],
  } satisfies Omit<Route, 'description'>;
}
