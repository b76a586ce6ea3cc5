import { z } from 'zod';
import { deviceId } from '../vocabulary.ts';
import { devicePosture, postureListQuery, posturePage } from '../vpn-posture.ts';
import { exampleIds } from './examples.ts';
import type { Route } from './route.ts';
import { vpnTag } from './vpn.ts';

const posture = {
  deviceId: 'D-4711',
  agentId: exampleIds.agent,
  endpointId: exampleIds.endpoint,
  unresolved: [
    {
      taskId: exampleIds.task,
      threatKey: 'path:file:/srv/ann/eicar.com',
      status: 'mitigation-in-progress',
      severity: 4,
      since: '2026-11-23T10:00:01Z',
      acknowledged: false,
    },
  ],
  since: '2026-11-23T10:00:01Z',
  position: { 0: '12', 1: '9' },
};

export const postureRoutes: readonly Route[] = [
  {
    id: 'listPostures',
    method: 'GET',
    path: '/v1/vpn/postures',
    owner: 'vpn-policy',
    access: { anyScope: ['vpn:read'] },
    tag: vpnTag,
    summary: 'Endpoints with unresolved threats',
    description:
      'By endpoint id. Which of the threats count, and what follows, is for the policy of the device to say. A page may hold fewer items than ' +
      'asked for, or none, and have a next one all the same: 10,000 endpoints are looked at for one.',
    query: postureListQuery,
    answers: {
      200: { description: 'A page of postures.', body: { schema: posturePage, example: { items: [posture] } } },
    },
    problems: [],
  },
  {
    id: 'getPosture',
    method: 'GET',
    path: '/v1/vpn/devices/{deviceId}/posture',
    owner: 'vpn-policy',
    access: { anyScope: ['vpn:read'] },
    tag: vpnTag,
    summary: 'What stands unresolved on a device',
    description:
      'For each threat its newest task, when that has a status other than 2 to 6. A device of which no task is known has nothing unresolved. ' +
      '`position` tells how far the tasks were followed.',
    pathParameters: z.object({ deviceId: deviceId.describe('The id of the device.') }),
    answers: { 200: { description: 'The posture.', body: { schema: devicePosture, example: posture } } },
    problems: [],
  },
];
