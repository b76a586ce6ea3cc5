import { z } from 'zod';
import {
  detectionDto,
  detectionListQuery,
  detectionPage,
  detectionsAnswer,
  detectionsRequest,
} from '../detection-api.ts';
import { uuid } from '../vocabulary.ts';
import { exampleDetection, exampleIds } from './examples.ts';
import type { Route } from './route.ts';

const tag = 'Detections';

const example = {
  id: exampleIds.detection,
  ...exampleDetection,
  receivedAt: '2026-11-23T10:00:00.512Z',
  disposition: 'task',
  taskId: exampleIds.task,
  endpointId: exampleIds.endpoint,
  duplicates: 0,
  updatedAt: '2026-11-23T10:00:01Z',
};

export const detectionRoutes: readonly Route[] = [
  {
    id: 'postDetections',
    method: 'POST',
    path: '/v1/detections',
    owner: 'ingest',
    access: { anyScope: ['detections:write'] },
    tag,
    summary: 'Hand in detections',
    description:
      'Takes one detection or a list. The answer comes only when Kafka has acknowledged every accepted item on all in-sync ' +
      'replicas. Bad items are listed with their place and reason, and do not refuse the good ones; when every item is ' +
      'bad, the answer is 422. Sending the same ' +
      'detection again (same source, sourceId and content) has no effect.',
    query: z.object({
      format: z.enum(['native']).optional().describe('The format of the items; absent: told from the body.'),
    }),
    body: {
      schema: detectionsRequest,
      example: exampleDetection,
      otherTypes: { 'application/x-ndjson': 'One detection per line, for more than 10,000 of them.' },
    },
    answers: {
      202: {
        description: 'The accepted items are safe; what became of each is at `GET /v1/detections/{id}`.',
        body: {
          schema: detectionsAnswer,
          example: { accepted: 1, duplicates: 0, rejected: [], detectionIds: [exampleIds.detection] },
          otherTypes: {
            'application/x-ndjson':
              'For more than 10,000 lines: `{fromLine, toLine, accepted, duplicates, rejected}` for each chunk that is ' +
              'safe. When it cannot go on, the last line is `{fromLine, problem}`: send again from that line.',
          },
        },
      },
    },
    problems: ['unprocessable', 'unavailable'],
  },
  {
    id: 'listDetections',
    method: 'GET',
    path: '/v1/detections',
    owner: 'mitigation',
    access: { anyScope: ['detections:read'] },
    tag,
    summary: 'List detections',
    description: 'The newest first, each with where it went.',
    query: detectionListQuery,
    answers: {
      200: { description: 'A page of detections.', body: { schema: detectionPage, example: { items: [example] } } },
    },
    problems: [],
  },
  {
    id: 'getDetection',
    method: 'GET',
    path: '/v1/detections/{id}',
    owner: 'mitigation',
    access: { anyScope: ['detections:read'] },
    tag,
    summary: 'Where one detection went',
    description:
      'Shows whether the detection opened or joined a task, was only recorded, or is unresolved because its endpoint is ' +
      'unknown or ambiguous. Visible shortly after its acceptance: until it is processed, 404.',
    pathParameters: z.object({ id: uuid.describe('The id of the detection.') }),
    answers: { 200: { description: 'The detection.', body: { schema: detectionDto, example } } },
    problems: ['not-found'],
  },
];
