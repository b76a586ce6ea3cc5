import { z } from 'zod';
import {
  mitigationExceptionDto,
  mitigationExceptionPage,
  mitigationExceptionQuery,
  mitigationExceptionRequest,
  suspendAnswer,
  suspendRequest,
} from '../mitigation-exception.ts';
import { uuid } from '../vocabulary.ts';
import { exampleIds, exampleTask } from './examples.ts';
import type { Route } from './route.ts';

const tag = 'Mitigation exceptions';
const id = '0199b3f2-4444-7c3a-9d5e-4f1f6a1b2c3d';
const exceptionPath = z.object({ id: uuid.describe('The id of the exception.') });

const request = { kind: 'cidr', value: '192.0.2.0/28', reason: 'Malware laboratory: threats there are wanted.' };
const exception = {
  id,
  ...request,
  inForce: true,
  suspensions: [],
  createdAt: '2026-11-23T09:00:00.000Z',
  createdBy: `key:${exampleIds.key} (soc)`,
  version: 1,
};
const suspended = {
  ...exception,
  suspensions: [
    { taskId: exampleIds.task, run: 2, endpointId: exampleIds.endpoint, until: '2026-11-24T10:00:00.000Z' },
  ],
  version: 2,
};

export const exceptionRoutes: readonly Route[] = [
  {
    id: 'listMitigationExceptions',
    method: 'GET',
    path: '/v1/mitigation-exceptions',
    owner: 'mitigation',
    access: { anyScope: ['tasks:read'] },
    tag,
    summary: 'Endpoints that are left alone',
    description: 'The latest first, with those that expired.',
    query: mitigationExceptionQuery,
    answers: {
      200: {
        description: 'A page of exceptions.',
        body: { schema: mitigationExceptionPage, example: { items: [exception] } },
      },
    },
    problems: [],
  },
  {
    id: 'addMitigationException',
    method: 'POST',
    path: '/v1/mitigation-exceptions',
    owner: 'mitigation',
    access: { anyScope: ['policy:write'] },
    tag,
    summary: 'Leave an endpoint alone',
    description:
      'Tasks of an endpoint that it covers end with the status `mitigation-exception`, when they open or before their run is first handed ' +
      'out. A run that is out already goes on, and a rollback is never stopped. Where one in force has the same kind, value, reason and ' +
      'end, that one is the answer, with 200, and no second one is made.',
    body: { schema: mitigationExceptionRequest, example: request },
    answers: {
      200: {
        description: 'The exception that is there already.',
        body: { schema: mitigationExceptionDto, example: exception },
      },
      201: { description: 'The exception.', body: { schema: mitigationExceptionDto, example: exception } },
    },
    problems: ['conflict', 'unprocessable'],
  },
  {
    id: 'getMitigationException',
    method: 'GET',
    path: '/v1/mitigation-exceptions/{id}',
    owner: 'mitigation',
    access: { anyScope: ['tasks:read'] },
    tag,
    summary: 'One mitigation exception',
    description: 'With the runs that it is suspended for.',
    pathParameters: exceptionPath,
    answers: { 200: { description: 'The exception.', body: { schema: mitigationExceptionDto, example: suspended } } },
    problems: ['not-found'],
  },
  {
    id: 'deleteMitigationException',
    method: 'DELETE',
    path: '/v1/mitigation-exceptions/{id}',
    owner: 'mitigation',
    access: { anyScope: ['policy:write'] },
    tag,
    summary: 'Delete a mitigation exception',
    description: 'What it ended stays ended until somebody retries it.',
    pathParameters: exceptionPath,
    answers: { 204: { description: 'Deleted.' } },
    problems: ['not-found'],
  },
  {
    id: 'suspendMitigationException',
    method: 'POST',
    path: '/v1/mitigation-exceptions/{id}/suspend',
    owner: 'mitigation',
    access: { anyScope: ['policy:write'] },
    tag,
    summary: 'Run tasks that an exception ended',
    description:
      'Suspends the exception for the endpoints of these tasks only and opens a new run of each, all or none. It covers the endpoints again ' +
      'when those runs have ended, at the latest after 24 h.',
    pathParameters: exceptionPath,
    body: { schema: suspendRequest, example: { taskIds: [exampleIds.task] } },
    answers: {
      200: {
        description: 'The exception with its suspensions, and the tasks with their new runs.',
        body: {
          schema: suspendAnswer,
          example: { exception: suspended, tasks: [exampleTask({ code: 'mitigation-in-progress', phase: 'queued' })] },
        },
      },
    },
    problems: ['not-found', 'conflict'],
  },
];
