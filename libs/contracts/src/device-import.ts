import { z } from 'zod';
import { deviceFacts, shownLists } from './device.ts';
import { devicePosition, deviceQueryParameters } from './device-search.ts';
import { jobFailure } from './job.ts';
import { booleanParameter } from './paging.ts';
import { deviceId, timestamp } from './vocabulary.ts';

/** The columns of an import and of an export, in the order of an export. */
export const deviceColumns = [
  'id',
  'model',
  'label',
  'capabilities',
  'hostnames',
  'ips',
  'macs',
  'platform',
  'group',
  'tags',
] as const;
export type DeviceColumn = (typeof deviceColumns)[number];

/** The columns that hold several values. */
export const deviceListColumns = ['capabilities', 'hostnames', 'ips', 'macs', 'tags'] as const;
export type DeviceListColumn = (typeof deviceListColumns)[number];

export const deviceFormat = z.enum(['csv', 'ndjson']);
export type DeviceFormat = z.infer<typeof deviceFormat>;

const facts = deviceFacts.shape;

/** One device of an import: what is absent stays as it is, `null` (in CSV an empty cell) clears. */
export const deviceImportLine = z.strictObject({
  id: deviceId,
  model: facts.model.removeDefault().nullish(),
  label: facts.label.removeDefault().nullish(),
  capabilities: facts.capabilities.removeDefault().nullish(),
  hostnames: shownLists.hostnames.nullish(),
  ips: shownLists.ips.nullish(),
  macs: shownLists.macs.nullish(),
  platform: facts.platform.nullable(),
  group: facts.group.nullable(),
  tags: facts.tags.removeDefault().nullish(),
});
export type DeviceImportLine = z.infer<typeof deviceImportLine>;

export const deviceImportQuery = z.strictObject({
  format: deviceFormat.optional().describe('Absent: told by the content type.'),
  dryRun: booleanParameter.default(false).describe('Tell what would happen, and change nothing.'),
  mode: z
    .enum(['upsert', 'create-only'])
    .default('upsert')
    .describe('`create-only` refuses lines that would change a device that is there.'),
  unknown: z
    .enum(['refuse', 'ignore'])
    .default('refuse')
    .describe('What to do about columns, or members of a line, that mean nothing here.'),
});
export type DeviceImportQuery = z.infer<typeof deviceImportQuery>;

const factValue = z.union([z.string(), z.array(z.string()), z.null()]);

export const deviceFieldDiff = z.object({
  changed: z.int().describe('How many known devices get another value.'),
  examples: z
    .array(z.object({ line: z.int(), id: z.string(), before: factValue, after: factValue }))
    .describe('The first few of them.'),
});

/** What an import did, or would do (`dryRun`); of a job that still runs: so far. */
export const deviceImportResult = z.object({
  dryRun: z.boolean(),
  mode: deviceImportQuery.shape.mode.removeDefault(),
  lines: z.int().describe('How many devices were given: created + changed + unchanged + refused.'),
  created: z.int().describe('New devices, and retired ones that came back.'),
  changed: z.int(),
  unchanged: z.int(),
  refused: z.int(),
  fields: z.record(z.string(), deviceFieldDiff).describe('What changed in known devices, by column.'),
  position: devicePosition
    .optional()
    .describe('Of a job: of its last change. A search with it as `minPosition` shows all of them.'),
});
export type DeviceImportResult = z.infer<typeof deviceImportResult>;

/** The answer to an import that was small enough to be done at once. */
export const deviceImportAnswer = deviceImportResult.extend({
  errors: z.array(jobFailure).describe('Why lines were refused.'),
});
export type DeviceImportAnswer = z.infer<typeof deviceImportAnswer>;

export const deviceExportQuery = z
  .strictObject({
    ...deviceQueryParameters,
    format: deviceFormat.optional().describe('Absent: as `Accept` says, else CSV.'),
    state: z
      .enum(['active', 'retired'])
      .default('active')
      .describe('`retired`: devices that were retired, as they were. To import them brings them back.'),
    retiredSince: timestamp.optional().describe('Only those that were retired at this time or after it.'),
  })
  .refine(({ state, retiredSince }) => state === 'retired' || retiredSince === undefined, {
    path: ['retiredSince'],
    message: 'needs state=retired',
  });
