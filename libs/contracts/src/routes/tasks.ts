import { z } from 'zod';
import { taskStatusCatalogue } from '../recommended-actions.ts';
import { taskStatusList } from '../status-catalogue.ts';
import { openTaskRequest, taskDto } from '../task.ts';
import { acknowledgeRequest, historyPage, historyQuery, taskListQuery, taskPage, taskQuery } from '../task-api.ts';
import { exampleIds, exampleTask } from './examples.ts';
import { type Route, taskPath } from './route.ts';

const tag = 'Tasks';
const inProgress = exampleTask({ code: 'mitigation-in-progress', phase: 'queued' });
const resolved = exampleTask({ code: 'all-threats-resolved' });

export const taskRoutes: readonly Route[] = [
  {
    id: 'listTaskStatuses',
    method: 'GET',
    path: '/v1/task-statuses',
    owner: 'mitigation',
    access: { anyScope: ['tasks:read'] },
    tag,
    summary: 'The catalogue of the 23 statuses',
    description:
      'Every status with its label, group, the kinds of task that can reach it and what it recommends. `{taskId}` in a link or ' +
      'command of the catalogue stands for a task id; a task carries them filled in.',
    answers: {
      200: {
        description: 'The 23 statuses, in order.',
        body: { schema: taskStatusList, example: { items: taskStatusCatalogue().items.slice(0, 1) } },
      },
    },
    problems: [],
  },
  {
    id: 'listTasks',
    method: 'GET',
    path: '/v1/tasks',
    owner: 'mitigation',
    access: { anyScope: ['tasks:read'] },
    tag,
    summary: 'List tasks',
    description:
      'The last updated first. The list follows the tasks with a short delay; a task read by its id has none.',
    query: taskListQuery,
    answers: { 200: { description: 'A page of tasks.', body: { schema: taskPage, example: { items: [resolved] } } } },
    problems: [],
  },
  {
    id: 'openTask',
    method: 'POST',
    path: '/v1/tasks',
    owner: 'mitigation',
    access: { anyScope: ['tasks:act'] },
    tag,
    summary: 'Launch an on-demand scan',
    description: "Opens an administrator's on-demand scan of one endpoint. The same Idempotency-Key opens it once.",
    headers: z.object({
      'idempotency-key': z
        .string()
        .min(1)
        .max(256)
        .optional()
        .describe('Any text of your choice; a repeat with the same body gets the first answer again.'),
    }),
    body: {
      schema: openTaskRequest,
      example: { kind: 'on-demand-scan', endpoint: { endpointId: exampleIds.endpoint } },
    },
    answers: { 201: { description: 'The task that was opened.', body: { schema: taskDto, example: inProgress } } },
    problems: ['not-found', 'conflict', 'unprocessable'],
  },
  {
    id: 'getTask',
    method: 'GET',
    path: '/v1/tasks/{id}',
    owner: 'mitigation',
    access: { anyScope: ['tasks:read'] },
    tag,
    summary: 'One task',
    description: 'Folds the events of the task, so that it shows every write that was answered before.',
    pathParameters: taskPath,
    query: taskQuery,
    answers: { 200: { description: 'The task.', body: { schema: taskDto, example: resolved } } },
    problems: ['not-found'],
  },
  {
    id: 'getTaskHistory',
    method: 'GET',
    path: '/v1/tasks/{id}/history',
    owner: 'mitigation',
    access: { anyScope: ['tasks:read'] },
    tag,
    summary: 'The events of one task',
    description: 'Every event of the task in order, the first one first.',
    pathParameters: taskPath,
    query: historyQuery,
    answers: {
      200: {
        description: 'A page of events.',
        body: {
          schema: historyPage,
          example: {
            items: [
              {
                id: exampleIds.event,
                type: 'TaskAccepted',
                version: 3,
                occurredAt: '2026-11-23T10:00:02Z',
                recordedAt: '2026-11-23T10:00:02.031Z',
                actor: `agent:${exampleIds.agent}`,
                data: { run: 1, attempt: 1, agentId: exampleIds.agent },
                correlationId: exampleIds.detection,
              },
            ],
          },
        },
      },
    },
    problems: ['not-found'],
  },
  command(
    'runCleanup',
    'run-cleanup',
    'Run Cleanup',
    'Cleans up what an assessment found: opens a run in mode `mitigate`.',
  ),
  command(
    'retryTask',
    'retry',
    'Retry',
    'Opens a new run of the same mode for a task whose status requires an action.',
  ),
  command(
    'rollbackTask',
    'rollback',
    'Roll back',
    'Opens a run that puts back every backed-up item not yet restored. The source may report the threat again: an exception ' +
      '(`POST /v1/mitigation-exceptions`) keeps it from being cleaned again.',
  ),
  command(
    'cancelTask',
    'cancel',
    'Cancel',
    'Withdraws a run that no agent has been handed; otherwise asks the agent to stop. A result that came first stands.',
  ),
  {
    ...command(
      'acknowledgeTask',
      'acknowledge',
      'Acknowledge',
      'Records that somebody has seen the task and takes care of it.',
    ),
    body: { schema: acknowledgeRequest, example: { note: 'Called the user.' }, optional: true },
  },
];

function command(id: string, name: string, summary: string, description: string): Route {
  return {
    id,
    method: 'POST',
    path: `/v1/tasks/{id}/${name}`,
    owner: 'mitigation',
    access: { anyScope: ['tasks:act'] },
    tag,
    summary,
    description: `${description} When the state of the task refuses it: 409 with the reason.`,
    pathParameters: taskPath,
    answers: { 200: { description: 'The task after the command.', body: { schema: taskDto, example: inProgress } } },
    problems: ['not-found', 'conflict'],
  };
}
