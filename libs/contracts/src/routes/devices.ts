import { z } from 'zod';
import { device } from '../device.ts';
import {
  assignAgentRequest,
  devicePatch,
  deviceVersionQuery,
  registerDeviceRequest,
  retireDeviceQuery,
  unresolvedAgentPage,
  unresolvedAgentQuery,
} from '../device-api.ts';
import { historyPage, historyQuery } from '../task-api.ts';
import { agentId, deviceId } from '../vocabulary.ts';
import { exampleIds } from './examples.ts';
import type { Route } from './route.ts';

const tag = 'Devices';
const owner = 'device-registry';
const write = { anyScope: ['devices:write'] } as const;
const read = { anyScope: ['devices:read'] } as const;
const devicePath = z.object({ id: deviceId.describe('The id of the device, percent-encoded.') });

const facts = {
  model: 'nPP16 D',
  label: 'Lobby east',
  capabilities: ['relay', 'dimming'],
  hostnames: ['lobby-east'],
  macs: ['00:00:5e:00:53:01'],
};

const example = {
  id: 'IN-003199',
  ...facts,
  capabilities: ['dimming', 'dimming-or-relay', 'relay'],
  ips: [],
  tags: [],
  version: 1,
};

const written =
  'The header `x-quell-position` says where the write stands in the log: a search with it as `minPosition` shows it. `ETag` is the version.';

const ifMatch = z.object({
  'if-match': z.string().max(1024).optional().describe('Only when the device has one of these `ETag`s.'),
});

const answer = (description: string) => ({ description, body: { schema: device, example } });

export const deviceRoutes: readonly Route[] = [
  {
    id: 'registerDevice',
    method: 'POST',
    path: '/v1/devices',
    owner,
    access: write,
    tag,
    summary: 'Register a device',
    description: `A device that was retired comes back with the facts that are given, and no others. ${written}`,
    headers: z.object({
      'idempotency-key': z
        .string()
        .min(1)
        .max(256)
        .optional()
        .describe('Any text of your choice; a repeat with the same body answers the device that the first one made.'),
    }),
    body: { schema: registerDeviceRequest, example: { id: 'IN-003199', ...facts } },
    answers: {
      200: answer('The device was there already, with the same facts.'),
      201: answer('The device, newly registered or back.'),
    },
    problems: ['conflict', 'unprocessable', 'unavailable'],
  },
  {
    id: 'getDevice',
    method: 'GET',
    path: '/v1/devices/{id}',
    owner,
    access: read,
    tag,
    summary: 'One device',
    description:
      'Folds the events of the device, so that it shows every write that was answered before. `ETag` is the version; `lastSeenAt` ' +
      'changes without it. Retired devices are answered too, with `retiredAt`.',
    pathParameters: devicePath,
    query: deviceVersionQuery,
    headers: z.object({
      'if-none-match': z.string().max(1024).optional().describe('304 when the device has one of these `ETag`s.'),
    }),
    answers: { 200: answer('The device.'), 304: { description: 'It has a version that you have.' } },
    problems: ['not-found'],
  },
  {
    id: 'patchDevice',
    method: 'PATCH',
    path: '/v1/devices/{id}',
    owner,
    access: write,
    tag,
    summary: 'Change a device',
    description:
      'A JSON merge patch (RFC 7396). Host names, addresses and a platform that the agent on the device reports are shown beside those ' +
      `given here, and stay. ${written}`,
    pathParameters: devicePath,
    headers: ifMatch,
    body: {
      schema: devicePatch,
      example: { label: 'Lobby west', group: null },
      otherTypes: { 'application/merge-patch+json': 'The same object.' },
    },
    answers: { 200: answer('The device after the change.') },
    problems: ['not-found', 'conflict', 'precondition-failed', 'unavailable'],
  },
  {
    id: 'retireDevice',
    method: 'DELETE',
    path: '/v1/devices/{id}',
    owner,
    access: write,
    tag,
    summary: 'Retire a device',
    description: `It leaves searches and lists; its history stays. Retiring it again changes nothing. ${written}`,
    pathParameters: devicePath,
    query: retireDeviceQuery,
    headers: ifMatch,
    answers: { 200: answer('The device, retired.') },
    problems: ['not-found', 'precondition-failed', 'unavailable'],
  },
  {
    id: 'getDeviceHistory',
    method: 'GET',
    path: '/v1/devices/{id}/history',
    owner,
    access: read,
    tag,
    summary: 'The events of one device',
    description: 'Every event of the device in order, the first one first.',
    pathParameters: devicePath,
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
                type: 'DeviceRelabelled',
                version: 2,
                occurredAt: '2026-11-23T10:00:02Z',
                recordedAt: '2026-11-23T10:00:02.031Z',
                actor: `key:${exampleIds.key} (console)`,
                data: { label: 'Lobby west' },
                correlationId: exampleIds.detection,
              },
            ],
          },
        },
      },
    },
    problems: ['not-found'],
  },
  {
    id: 'listUnresolvedAgents',
    method: 'GET',
    path: '/v1/devices/unresolved-agents',
    owner,
    access: read,
    tag,
    summary: 'Agents whose device is not clear',
    description:
      'An agent is matched to a device by the device ID it was enrolled with, else by a MAC or a host name that only one device has. What ' +
      'would be a guess waits here. Decide it (`POST …/{agentId}/assign`), enrol it with a device ID, or correct the host names and MACs ' +
      'of the candidates: it is matched again with its next record, which comes every few minutes while it runs.',
    query: unresolvedAgentQuery,
    answers: {
      200: {
        description: 'A page of agents, the longest waiting first.',
        body: {
          schema: unresolvedAgentPage,
          example: {
            items: [
              {
                agentId: exampleIds.agent,
                endpointId: exampleIds.endpoint,
                hostname: 'desk-7',
                ips: ['192.0.2.7'],
                macs: ['00:00:5e:00:53:01'],
                reason: 'several devices have its MACs',
                candidates: ['IN-003199', 'IN-003200'],
                since: '2026-11-23T10:00:00Z',
              },
            ],
          },
        },
      },
    },
    problems: [],
  },
  {
    id: 'assignUnresolvedAgent',
    method: 'POST',
    path: '/v1/devices/unresolved-agents/{agentId}/assign',
    owner,
    access: write,
    tag,
    summary: 'Say which device an agent runs on',
    description:
      'Any device that is not retired will do, also one that is no candidate and one that has an agent already. The device shows the agent ' +
      'and what it reports, and its history who decided. The agent stays on it until it states another device ID or the device is retired. ' +
      `To say it again changes nothing. ${written}`,
    pathParameters: z.object({ agentId: agentId.describe('The id of the agent.') }),
    body: { schema: assignAgentRequest, example: { deviceId: 'IN-003199' } },
    answers: { 200: answer('The device, with the agent.') },
    problems: ['not-found', 'conflict', 'unavailable'],
  },
];
