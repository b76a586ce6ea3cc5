import { z } from 'zod';
import {
  devicePage,
  devicePosition,
  deviceSearchQuery,
  deviceSuggestions,
  deviceSuggestQuery,
  deviceWatchQuery,
} from '../device-search.ts';
import type { Route } from './route.ts';

const tag = 'Devices';
const access = { anyScope: ['devices:read'] } as const;
const highlights = [{ field: 'model', ranges: [[0, 5]] }];
const found = { id: 'IN-003199', model: 'nPP16 D', label: 'Lobby, east wall' };
const answered = { position: '7012-48211', matched: 'as-typed' };

export const deviceSearchRoutes: readonly Route[] = [
  {
    id: 'searchDevices',
    method: 'GET',
    path: '/v1/devices',
    owner: 'device-registry',
    access,
    tag,
    summary: 'Find devices',
    description:
      'Finds devices by id, label, model, host name, MAC and IP address while they are typed, narrowed by filters, with exact counts. ' +
      'Case, accents and separators do not matter. Without `q`: the most recently seen.',
    query: deviceSearchQuery,
    answers: {
      200: {
        description: 'A page of devices, the best first.',
        body: {
          schema: devicePage,
          example: {
            items: [
              {
                ...found,
                capabilities: ['dimming', 'dimming-or-relay', 'relay'],
                hostnames: [],
                ips: [],
                macs: [],
                tags: [],
                version: 3,
                highlights,
              },
            ],
            total: 1,
            ...answered,
            facets: {
              capabilities: { relay: { count: 1, own: 1 } },
              models: { 'nPP16 D': 1 },
              groups: {},
              omitted: { models: 0, groups: 0 },
            },
            complete: true,
          },
        },
      },
    },
    problems: ['unavailable'],
  },
  {
    id: 'suggestDevices',
    method: 'GET',
    path: '/v1/devices/suggest',
    owner: 'device-registry',
    access,
    tag,
    summary: 'Suggest devices while somebody types',
    description: 'The best hits of the same search with what a list under a search box shows.',
    query: deviceSuggestQuery,
    answers: {
      200: {
        description: 'The best hits.',
        body: { schema: deviceSuggestions, example: { items: [{ ...found, highlights }], ...answered } },
      },
    },
    problems: ['unavailable'],
  },
  {
    id: 'watchDevices',
    method: 'GET',
    path: '/v1/devices/watch',
    owner: 'device-registry',
    access,
    tag,
    summary: 'Watch a query',
    description:
      'Server-sent events: `snapshot` (`{position, count}`), then `entered`, `changed` (`{position, device}`) and `left` ' +
      '(`{position, id}`, with the device unless it was retired). The id of an event is its position; `Last-Event-ID` resumes after ' +
      'it. `reset` (`{position, reason, cure}`): it cannot be resumed from there; a new `snapshot` follows. Words are read as typed, never freer.',
    query: deviceWatchQuery,
    headers: z.object({
      'last-event-id': devicePosition.optional().describe('The id of the last event that was seen.'),
    }),
    answers: { 200: { description: 'The stream.', text: 'text/event-stream' } },
    problems: ['unavailable'],
  },
];
