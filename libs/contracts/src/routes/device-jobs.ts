import { z } from 'zod';
import { deviceBulkPreview, deviceBulkRequest } from '../device-bulk.ts';
import { deviceExportQuery, deviceImportAnswer, deviceImportLine, deviceImportQuery } from '../device-import.ts';
import { jobDto, jobFailurePage, jobFailureQuery, jobListQuery, jobPage, jobQuery } from '../job.ts';
import { uuid } from '../vocabulary.ts';
import type { Route } from './route.ts';

const tag = 'Devices';
const read = { anyScope: ['devices:read'] } as const;
const write = { anyScope: ['devices:write'] } as const;
const jobPath = z.object({ id: uuid.describe('The id of the job.') });

const exampleResult = {
  dryRun: false,
  mode: 'upsert',
  lines: 3,
  created: 1,
  changed: 1,
  unchanged: 0,
  refused: 1,
  fields: {
    label: { changed: 1, examples: [{ line: 2, id: 'IN-003199', before: 'Lobby', after: 'Lobby, east wall' }] },
  },
};
const exampleError = { line: 4, id: 'IN-003200', column: 'ips', detail: 'Invalid IPv4 address' };
const exampleJob = {
  id: '0199b3f2-4444-7c3a-9d5e-4f1f6a1b2c3d',
  kind: 'device-import',
  state: 'running',
  progress: { done: 250_000, total: 1_000_000, failed: 3 },
  input: { dryRun: false, mode: 'upsert' },
  result: { ...exampleResult, lines: 250_000, created: 249_996 },
  createdBy: 'key:importer',
  createdAt: '2026-11-23T10:00:00Z',
  startedAt: '2026-11-23T10:00:01Z',
};

const csvOfImport =
  'A header line with the names of columns, then a device a line (RFC 4180, UTF-8; also `;` or tabs between cells). An empty cell ' +
  'clears. Capabilities, IPs and MACs are separated by `;` or spaces, host names and tags by `;` alone; `\\;` is a semicolon.';

export const deviceJobRoutes: readonly Route[] = [
  {
    id: 'importDevices',
    method: 'POST',
    path: '/v1/devices/import',
    owner: 'device-registry',
    access: write,
    tag,
    summary: 'Import devices',
    description:
      'Registers devices and changes what is given of known ones; what a file does not have stays as it is. Lines that are wrong are ' +
      'refused one by one. A repeated import changes nothing. Up to 1,000 lines are done at once; more become a job ' +
      '(`GET /v1/devices/jobs/{id}`), as does every import with `Prefer: respond-async`. An upload may take 10 minutes.',
    query: deviceImportQuery,
    headers: z.object({ prefer: z.string().optional().describe('`respond-async`: answer with a job, however small.') }),
    body: {
      schema: deviceImportLine,
      example: { id: 'IN-003199', model: 'nPP16 D', label: 'Lobby, east wall', capabilities: ['relay', 'dimming'] },
      linesOnly: true,
      otherTypes: {
        'text/csv': csvOfImport,
        'application/x-ndjson': 'A device a line. `null` clears.',
      },
    },
    answers: {
      200: {
        description: 'It is done, or with `dryRun` it was tried.',
        body: { schema: deviceImportAnswer, example: { ...exampleResult, errors: [exampleError] } },
      },
      202: {
        description: 'All of it is kept and will be worked through by the job in `Location`.',
        body: { schema: jobDto, example: exampleJob },
      },
    },
    problems: ['unavailable'],
  },
  {
    id: 'exportDevices',
    method: 'GET',
    path: '/v1/devices/export',
    owner: 'device-registry',
    access: read,
    tag,
    summary: 'Export devices',
    description:
      'The devices that a query means, as they stood at one moment, in the order of their ids and in the columns of an import: to import ' +
      'an export changes nothing. CSV, or NDJSON with `format=ndjson` or `Accept`. In CSV an apostrophe goes before a cell that a ' +
      'spreadsheet would take for a formula, and an import takes it away again. Devices that were retired: `state=retired`.',
    query: deviceExportQuery,
    answers: { 200: { description: 'A device a line; CSV with a header.', text: 'text/csv' } },
    problems: ['unavailable'],
  },
  {
    id: 'changeDevicesInBulk',
    method: 'POST',
    path: '/v1/devices/bulk',
    owner: 'device-registry',
    access: write,
    tag,
    summary: 'Relabel, tag, move or retire devices by query',
    description:
      'With `preview` it only tells how many devices are meant and what some of them would become. Without, it becomes a job. The ' +
      'devices are those that match when the job starts; one that does not match any more when its turn comes is skipped.',
    headers: z.object({
      'idempotency-key': z
        .string()
        .min(1)
        .max(256)
        .optional()
        .describe('Any text of your choice; a repeat with the same body answers the job that the first one made.'),
    }),
    body: {
      schema: deviceBulkRequest,
      example: {
        query: { q: 'lobby', feature: ['relay'] },
        action: { type: 'tag', add: ['checked'], remove: [] },
        preview: true,
      },
    },
    answers: {
      200: {
        description: 'The preview.',
        body: {
          schema: deviceBulkPreview,
          example: {
            count: 12,
            unchanged: 3,
            failing: 0,
            failures: [],
            examples: [{ id: 'IN-003199', field: 'tags', before: [], after: ['checked'] }],
          },
        },
      },
      202: {
        description: 'It will be done by the job in `Location`.',
        body: {
          schema: jobDto,
          example: { ...exampleJob, kind: 'device-bulk', result: { changed: 1, unchanged: 0, skipped: 0 } },
        },
      },
    },
    problems: ['conflict', 'unprocessable', 'unavailable'],
  },
  {
    id: 'listDeviceJobs',
    method: 'GET',
    path: '/v1/devices/jobs',
    owner: 'device-registry',
    access: read,
    tag,
    summary: 'List the jobs on devices',
    description: 'Imports and bulk jobs, the newest first. Those that ended are kept for 30 days.',
    query: jobListQuery,
    answers: { 200: { description: 'A page of jobs.', body: { schema: jobPage, example: { items: [exampleJob] } } } },
    problems: [],
  },
  {
    id: 'getDeviceJob',
    method: 'GET',
    path: '/v1/devices/jobs/{id}',
    owner: 'device-registry',
    access: read,
    tag,
    summary: 'How far a job is',
    description:
      'Its progress, and what came of it so far. With `waitSeconds` it is answered when the job has ended. `result.position` is where its last change stands ' +
      'in the log: a search with it as `minPosition` shows all of them.',
    pathParameters: jobPath,
    query: jobQuery,
    answers: { 200: { description: 'The job.', body: { schema: jobDto, example: exampleJob } } },
    problems: ['not-found'],
  },
  {
    id: 'listDeviceJobErrors',
    method: 'GET',
    path: '/v1/devices/jobs/{id}/errors',
    owner: 'device-registry',
    access: read,
    tag,
    summary: 'What a job could not do',
    description:
      'Refused lines of an import, devices that a bulk job failed on, in their order; the first 10,000 of a job.',
    pathParameters: jobPath,
    query: jobFailureQuery,
    answers: {
      200: { description: 'A page of errors.', body: { schema: jobFailurePage, example: { items: [exampleError] } } },
    },
    problems: ['not-found'],
  },
  {
    id: 'cancelDeviceJob',
    method: 'POST',
    path: '/v1/devices/jobs/{id}/cancel',
    owner: 'device-registry',
    access: write,
    tag,
    summary: 'Cancel a job',
    description: 'It ends before its next chunk. What it did stays. A job that has ended stays as it is.',
    pathParameters: jobPath,
    answers: {
      200: {
        description: 'The job as it is now.',
        body: { schema: jobDto, example: { ...exampleJob, cancelRequestedAt: '2026-11-23T10:01:00Z' } },
      },
    },
    problems: ['not-found'],
  },
];
