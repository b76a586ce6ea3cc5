import { z } from 'zod';
import {
  campaignDto,
  campaignListQuery,
  campaignPage,
  campaignPreview,
  campaignRequest,
  campaignTargetPage,
  campaignTargetQuery,
  cancelCampaignRequest,
} from '../campaign.ts';
import { uuid } from '../vocabulary.ts';
import { exampleIds } from './examples.ts';
import type { Route } from './route.ts';

const tag = 'Tasks';
const campaignPath = z.object({ id: uuid.describe('The id of the campaign.') });

const query = { q: 'nPP16', feature: ['relay'], match: 'all', group: ['lobby'], platform: [], model: [], tag: [] };
const example = {
  id: '0199b3f2-5555-7c3a-9d5e-4f1f6a1b2c3d',
  name: 'After the outbreak',
  state: 'running',
  query,
  severity: 4,
  createdBy: 'key:0199b3f2-3333-7c3a-9d5e-4f1f6a1b2c3d (ann)',
  createdAt: '2026-11-23T10:00:00Z',
  selectedAt: '2026-11-23T10:00:01Z',
  targets: { total: 120, waiting: 0, opened: 117, skipped: 3 },
  tasks: { inProgress: 20, ended: 97, byStatus: { 'mitigation-in-progress': 20, 'no-threat-found': 97 } },
};
const { tasks: _, ...listed } = example;

export const campaignRoutes: readonly Route[] = [
  {
    id: 'startCampaign',
    method: 'POST',
    path: '/v1/campaigns',
    owner: 'mitigation',
    access: { anyScope: ['tasks:act'] },
    tag,
    summary: 'Scan many endpoints',
    description:
      "Opens an administrator's on-demand scan on every endpoint that a device query means: devices of the registry, and endpoints whose " +
      'agents no device is known for. The set is fixed when the campaign starts; its tasks are opened bit by bit, and each names the campaign ' +
      'in its history. Devices without an agent are skipped. The same Idempotency-Key starts one campaign. 409 when the query ' +
      'does not mean `expectedCount`; when it changes before the set is fixed, the campaign fails and opens nothing.',
    headers: z.object({
      'idempotency-key': z
        .string()
        .min(1)
        .max(256)
        .optional()
        .describe('Any text of your choice; a repeat with the same body gets the same campaign.'),
    }),
    body: { schema: campaignRequest, example: { name: 'After the outbreak', query, severity: 4, maxConcurrent: 50 } },
    answers: {
      200: {
        description: 'A preview: nothing was opened.',
        body: {
          schema: campaignPreview,
          example: {
            count: 120,
            skipped: 3,
            examples: [{ endpointId: exampleIds.endpoint, deviceId: 'IN-003199', agentId: exampleIds.agent }],
          },
        },
      },
      201: {
        description: 'The campaign, which goes on by itself.',
        body: { schema: campaignDto, example: { ...listed, state: 'selecting' } },
      },
    },
    problems: ['conflict', 'unprocessable'],
  },
  {
    id: 'listCampaigns',
    method: 'GET',
    path: '/v1/campaigns',
    owner: 'mitigation',
    access: { anyScope: ['tasks:read'] },
    tag,
    summary: 'List campaigns',
    description: 'The newest first.',
    query: campaignListQuery,
    answers: {
      200: { description: 'A page of campaigns.', body: { schema: campaignPage, example: { items: [listed] } } },
    },
    problems: [],
  },
  {
    id: 'getCampaign',
    method: 'GET',
    path: '/v1/campaigns/{id}',
    owner: 'mitigation',
    access: { anyScope: ['tasks:read'] },
    tag,
    summary: 'One campaign',
    description: 'How far it is, and how many of its tasks have each status.',
    pathParameters: campaignPath,
    answers: { 200: { description: 'The campaign.', body: { schema: campaignDto, example } } },
    problems: ['not-found'],
  },
  {
    id: 'listCampaignTargets',
    method: 'GET',
    path: '/v1/campaigns/{id}/targets',
    owner: 'mitigation',
    access: { anyScope: ['tasks:read'] },
    tag,
    summary: 'The endpoints of a campaign',
    description: 'What the query meant when the campaign started: each with its task, or why it was skipped.',
    pathParameters: campaignPath,
    query: campaignTargetQuery,
    answers: {
      200: {
        description: 'A page of endpoints and devices, in the order of their names.',
        body: {
          schema: campaignTargetPage,
          example: {
            items: [
              {
                endpointId: exampleIds.endpoint,
                deviceId: 'IN-003199',
                hostname: 'desk-7',
                state: 'opened',
                taskId: exampleIds.task,
                status: 'no-threat-found',
              },
              { deviceId: 'IN-003200', state: 'skipped', reason: 'no agent runs on it' },
            ],
          },
        },
      },
    },
    problems: ['not-found'],
  },
  {
    id: 'cancelCampaign',
    method: 'POST',
    path: '/v1/campaigns/{id}/cancel',
    owner: 'mitigation',
    access: { anyScope: ['tasks:act'] },
    tag,
    summary: 'Cancel a campaign',
    description:
      'Opens no more tasks from now on, and withdraws those that no agent has been handed, unless they are to be kept. A repeat changes ' +
      'nothing. 409 when all of its tasks have ended.',
    pathParameters: campaignPath,
    body: { schema: cancelCampaignRequest, example: { queuedTasks: 'withdraw' }, optional: true },
    answers: {
      200: {
        description: 'The campaign.',
        body: {
          schema: campaignDto,
          example: {
            ...example,
            state: 'cancelled',
            cancel: { requestedAt: '2026-11-23T10:05:00Z', queuedTasks: 'withdraw' },
          },
        },
      },
    },
    problems: ['not-found', 'conflict'],
  },
];
