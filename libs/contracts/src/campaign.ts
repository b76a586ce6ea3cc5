import { z } from 'zod';
import { deviceQuery, meansEveryDevice } from './device-query.ts';
import { pageOf, pageParameters, repeatable } from './paging.ts';
import { openTaskRequest, statusCode } from './task.ts';
import { agentId, severity, text, timestamp, uuid } from './vocabulary.ts';

const MOST_AT_ONCE = 100_000;

/** Opens an administrator's on-demand scan on every endpoint that a query means. */
export const campaignRequest = z
  .strictObject({
    name: text(256).min(1).optional(),
    query: deviceQuery.describe('Read strictly, as by every bulk job: nothing is loosened when nothing matches.'),
    all: z.literal(true).optional().describe('Has to be there when the query is empty and so means every endpoint.'),
    severity: severity.default(0),
    payload: openTaskRequest.shape.payload,
    maxConcurrent: z
      .int()
      .min(1)
      .max(MOST_AT_ONCE)
      .optional()
      .describe('So many of its tasks are in progress at one time at most. Absent: all are opened at once.'),
    preview: z.boolean().default(false).describe('Tell which endpoints it would be, and open nothing.'),
    expectedCount: z
      .int()
      .min(0)
      .optional()
      .describe(
        'How many endpoints and devices the query means, as a preview told; when it is another number nothing is opened.',
      ),
  })
  .refine(({ query, all }) => all === true || !meansEveryDevice(query), {
    path: ['query'],
    message: 'is empty and means every endpoint: add "all": true when that is what you want',
  });
export type CampaignRequest = z.infer<typeof campaignRequest>;

const endpointNames = {
  endpointId: uuid.optional().describe('Absent: a device that is no endpoint, for no agent runs on it.'),
  deviceId: z.string().optional(),
  hostname: z.string().optional(),
};

export const campaignPreview = z.object({
  count: z.int().describe('How many endpoints and devices the query means.'),
  skipped: z.int().describe('How many of them have no agent that could scan.'),
  examples: z
    .array(z.object({ ...endpointNames, agentId: agentId.optional(), skipped: z.string().optional() }))
    .describe('Up to 10 of them, in the order of their names.'),
});
export type CampaignPreview = z.infer<typeof campaignPreview>;

/**
 * `selecting` its endpoints, `opening` their tasks, `running` until the last task ends, `finished`; `cancelled` opens no more; `failed` opened
 * nothing, and says why.
 */
export const campaignState = z.enum(['selecting', 'opening', 'running', 'finished', 'cancelled', 'failed']);
export type CampaignState = z.infer<typeof campaignState>;

export const campaignDto = z.object({
  id: uuid,
  name: z.string().optional(),
  state: campaignState,
  error: z.string().optional(),
  query: deviceQuery,
  severity,
  payload: openTaskRequest.shape.payload,
  maxConcurrent: z.int().optional(),
  createdBy: z.string(),
  createdAt: timestamp,
  selectedAt: timestamp.optional().describe('When the set of its endpoints was fixed.'),
  cancel: z.object({ requestedAt: timestamp, queuedTasks: z.enum(['withdraw', 'keep']) }).optional(),
  targets: z
    .object({ total: z.int(), waiting: z.int(), opened: z.int(), skipped: z.int() })
    .describe(
      'The endpoints and devices that the query meant: their tasks wait to be opened, were opened, or never will be.',
    ),
  tasks: z
    .object({
      inProgress: z.int(),
      ended: z.int(),
      byStatus: z
        .partialRecord(statusCode, z.int())
        .describe('How many of its tasks have each status, as `GET /v1/tasks` lists them.'),
    })
    .optional()
    .describe('Not in lists.'),
});
export type CampaignDto = z.infer<typeof campaignDto>;

export const campaignPage = pageOf(campaignDto);
export const campaignListQuery = z.strictObject(pageParameters);

const targetState = z.enum(['waiting', 'opened', 'skipped']);

export const campaignTarget = z.object({
  ...endpointNames,
  state: targetState,
  reason: z.string().optional().describe('Why it was skipped.'),
  taskId: uuid.optional(),
  status: statusCode.optional().describe('Of its task, as `GET /v1/tasks` lists it.'),
});
export type CampaignTarget = z.infer<typeof campaignTarget>;

export const campaignTargetPage = pageOf(campaignTarget);
export const campaignTargetQuery = z.strictObject({ ...pageParameters, state: repeatable(targetState) });
export type CampaignTargetQuery = z.infer<typeof campaignTargetQuery>;

/** Body of `POST /v1/campaigns/{id}/cancel`. */
export const cancelCampaignRequest = z.strictObject({
  queuedTasks: z
    .enum(['withdraw', 'keep'])
    .default('withdraw')
    .describe('What becomes of its tasks that no agent has been handed yet. What agents are at goes on.'),
});
export type CancelCampaignRequest = z.infer<typeof cancelCampaignRequest>;
