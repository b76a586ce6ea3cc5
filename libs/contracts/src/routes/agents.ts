import { z } from 'zod';
import { agentDto, agentListQuery, agentPage } from '../agent-list.ts';
import {
  agentConfiguration,
  agentTaskRequest,
  agentTaskResponse,
  attemptEvent,
  attemptEventsResponse,
  checkInRequest,
  checkInResponse,
  enrolmentTokenRequest,
  enrolmentTokenResponse,
  enrolRequest,
  enrolResponse,
} from '../agent-protocol.ts';
import { runResult } from '../run-result.ts';
import { agentId } from '../vocabulary.ts';
import { exampleIds } from './examples.ts';
import { type Route, taskPath } from './route.ts';

const tag = 'Agents';

const [accepted, started, progress, busy, result] = attemptEvent.options;

/** What a batch of events should look like; the server takes it apart and judges each event on its own. */
export const attemptEvents = z.strictObject({
  events: z
    .array(z.discriminatedUnion('type', [accepted, started, progress, busy, result.extend({ data: runResult })]))
    .min(1)
    .max(100),
});

const host = {
  hostname: 'desk-7',
  ips: ['192.0.2.7'],
  macs: ['02:00:5e:10:00:07'],
  platform: 'linux',
  osVersion: '6.1',
};

const taskRef = { taskId: exampleIds.task, run: 1, attempt: 1 };

export const agentRoutes: readonly Route[] = [
  {
    id: 'createEnrolmentToken',
    method: 'POST',
    path: '/v1/enrolment-tokens',
    owner: 'mitigation',
    access: { anyScope: ['agents:enrol'] },
    tag,
    summary: 'Make an enrolment token',
    description: 'The token lets agents enrol. It is shown in this answer only.',
    body: { schema: enrolmentTokenRequest, example: { expiresInSeconds: 3600, maxUses: 1 } },
    answers: {
      201: {
        description: 'The token.',
        body: {
          schema: enrolmentTokenResponse,
          example: { enrolmentToken: 'qe_example', expiresAt: '2026-11-23T11:00:00Z', maxUses: 1 },
        },
      },
    },
    problems: [],
  },
  {
    id: 'enrolAgent',
    method: 'POST',
    path: '/v1/agents/enrol',
    owner: 'mitigation',
    access: 'enrolment',
    tag,
    summary: 'Enrol an agent',
    description:
      'Signed with the key that it enrols. The same enrolmentId and key again get the same answer. 401 is one answer for ' +
      'every fault of the token or the signature.',
    body: {
      schema: enrolRequest,
      example: {
        enrolmentToken: 'qe_example',
        enrolmentId: exampleIds.event,
        publicKey: { kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' },
        host,
      },
    },
    answers: {
      200: {
        description: 'The identity of the agent, and how it polls.',
        body: {
          schema: enrolResponse,
          example: {
            agentId: exampleIds.agent,
            endpointId: exampleIds.endpoint,
            poll: { holdSeconds: 50, nextPollSeconds: 1 },
          },
        },
      },
    },
    problems: ['identity-conflict', 'unavailable'],
  },
  {
    id: 'checkIn',
    method: 'POST',
    path: '/v1/agents/me/check-in',
    owner: 'mitigation',
    access: 'agent',
    tag,
    summary: 'Check in and wait for work',
    description:
      'A long poll: reports what the agent does, takes its events first, and answers with work, cancels and probes, at the ' +
      'latest after `waitSeconds`. A body may have 8 MiB.',
    body: {
      schema: checkInRequest,
      example: {
        bootId: 'boot-1',
        agentVersion: '0.1.0',
        host,
        capabilities: ['assess', 'mitigate', 'scan', 'rollback'],
        running: [],
        journalPending: [],
        events: [],
        waitSeconds: 50,
      },
    },
    answers: {
      200: {
        description: 'Work, or nothing.',
        body: {
          schema: checkInResponse,
          example: {
            outcomes: [],
            tasks: [],
            cancels: [],
            probes: [],
            serverTime: '2026-11-23T10:00:00Z',
            nextPollSeconds: 1,
          },
        },
      },
    },
    problems: ['identity-conflict', 'unavailable'],
  },
  {
    id: 'startAgentTask',
    method: 'POST',
    path: '/v1/agents/me/tasks',
    owner: 'mitigation',
    access: 'agent',
    tag,
    summary: "Start a user's own scan, report or restore",
    description:
      'Idempotent by `requestId`. `restore` opens a rollback run that the agent has already accepted; 409 `nothing-to-restore` ' +
      'when none of its items is known here.',
    body: {
      schema: agentTaskRequest,
      example: { requestId: exampleIds.event, kind: 'restore', taskId: exampleIds.task },
    },
    answers: {
      200: { description: 'The same request came before.', body: { schema: agentTaskResponse, example: taskRef } },
      201: { description: 'The run that was opened.', body: { schema: agentTaskResponse, example: taskRef } },
    },
    problems: ['not-found', 'conflict', 'nothing-to-restore', 'unprocessable', 'unavailable'],
  },
  {
    id: 'heartbeat',
    method: 'POST',
    path: '/v1/agents/me/heartbeat',
    owner: 'mitigation',
    access: 'agent',
    tag,
    summary: 'A sign of life',
    description: 'Needed only while no check-in is open.',
    answers: { 204: { description: 'Noted.' } },
    problems: ['unavailable'],
  },
  {
    id: 'getAgentConfiguration',
    method: 'GET',
    path: '/v1/agents/me/configuration',
    owner: 'mitigation',
    access: 'agent',
    tag,
    summary: 'The configuration of this agent',
    description: 'Cached by ETag.',
    headers: z.object({ 'if-none-match': z.string().optional().describe('The ETag of the configuration at hand.') }),
    answers: {
      200: { description: 'The configuration.', body: { schema: agentConfiguration, example: { patterns: [] } } },
      304: { description: 'It has not changed.' },
    },
    problems: ['unavailable'],
  },
  {
    id: 'postAttemptEvents',
    method: 'POST',
    path: '/v1/tasks/{id}/attempts/{n}/events',
    owner: 'mitigation',
    access: 'agent',
    tag,
    summary: 'Report on one attempt',
    description:
      'A batch of events; each gets an outcome of its own: 200 stored or duplicate, 404, 409 stale attempt, 410 over: stop now, 422. ' +
      'A body may have 8 MiB, a result in it 6 MiB.',
    pathParameters: taskPath.extend({ n: z.coerce.number().int().min(1).describe('The number of the attempt.') }),
    body: {
      schema: attemptEvents,
      example: { events: [{ eventId: exampleIds.event, type: 'accepted', at: '2026-11-23T10:00:02Z' }] },
    },
    answers: {
      200: {
        description: 'One outcome per event, in order.',
        body: { schema: attemptEventsResponse, example: { outcomes: [{ eventId: exampleIds.event, code: 200 }] } },
      },
    },
    problems: ['unavailable'],
  },
  {
    id: 'listAgents',
    method: 'GET',
    path: '/v1/agents',
    owner: 'mitigation',
    access: { anyScope: ['tasks:read'] },
    tag,
    summary: 'List agents',
    description: 'Every agent that ever enrolled, the newest first.',
    query: agentListQuery,
    answers: {
      200: {
        description: 'A page of agents.',
        body: {
          schema: agentPage,
          example: {
            items: [
              {
                agentId: exampleIds.agent,
                endpointId: exampleIds.endpoint,
                status: 'active',
                ...host,
                enrolledAt: '2026-11-23T09:00:00Z',
                lastSeenAt: '2026-11-23T10:00:00Z',
              },
            ],
          },
        },
      },
    },
    problems: [],
  },
  {
    id: 'getAgent',
    method: 'GET',
    path: '/v1/agents/{id}',
    owner: 'mitigation',
    access: { anyScope: ['tasks:read'] },
    tag,
    summary: 'One agent',
    description: 'An agent that was replaced shows the facts of the endpoint that it served.',
    pathParameters: z.object({ id: agentId.describe('The agentId.') }),
    answers: {
      200: {
        description: 'The agent.',
        body: {
          schema: agentDto,
          example: {
            agentId: exampleIds.agent,
            endpointId: exampleIds.endpoint,
            status: 'active',
            ...host,
            enrolledAt: '2026-11-23T09:00:00Z',
            lastSeenAt: '2026-11-23T10:00:00Z',
          },
        },
      },
    },
    problems: ['not-found'],
  },
];
