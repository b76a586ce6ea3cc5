import { z } from 'zod';
import { deviceGroup, deviceLabel, deviceTag } from './device.ts';
import { deviceQuery, meansEveryDevice } from './device-query.ts';
import { devicePosition } from './device-search.ts';
import { text } from './vocabulary.ts';

/** What a label may be made of, in braces; `{{` and `}}` are braces. Of lists the first value. */
export const labelPlaceholders = ['id', 'model', 'label', 'group', 'platform', 'hostname', 'ip', 'mac'] as const;

const tags = z.array(deviceTag).max(64).default([]);

/** What is done to each device of a bulk job. */
export const deviceBulkAction = z.discriminatedUnion('type', [
  z
    .strictObject({
      type: z.literal('relabel'),
      label: deviceLabel.optional().describe('The same for all.'),
      template: text(1024)
        .min(1)
        .optional()
        .describe(`A text with ${labelPlaceholders.map((name) => `{${name}}`).join(', ')}, filled in for each device.`),
    })
    .refine(({ label, template }) => (label === undefined) !== (template === undefined), 'needs a label or a template'),
  z
    .strictObject({ type: z.literal('tag'), add: tags, remove: tags })
    .refine(({ add, remove }) => add.length + remove.length > 0, 'needs a tag to add or to remove'),
  z.strictObject({ type: z.literal('move'), group: deviceGroup.nullable().describe('`null`: into no group.') }),
  z.strictObject({ type: z.literal('retire'), reason: text(1024).optional() }),
]);
export type DeviceBulkAction = z.infer<typeof deviceBulkAction>;

export const deviceBulkRequest = z
  .strictObject({
    query: deviceQuery,
    all: z.literal(true).optional().describe('Has to be there when the query is empty and so means every device.'),
    action: deviceBulkAction,
    preview: z.boolean().default(false).describe('Tell what would happen, and change nothing.'),
    expectedCount: z
      .int()
      .min(0)
      .optional()
      .describe('How many devices the query means, as a preview told; when it is another number nothing happens.'),
  })
  .refine(({ query, all }) => all === true || !meansEveryDevice(query), {
    path: ['query'],
    message: 'is empty and means every device: add "all": true when that is what you want',
  });
export type DeviceBulkRequest = z.infer<typeof deviceBulkRequest>;

const value = z.union([z.string(), z.array(z.string()), z.boolean(), z.null()]);

export const deviceBulkPreview = z.object({
  count: z.int().describe('How many devices the query means.'),
  unchanged: z.int().describe('How many of them are as wanted already.'),
  failing: z.int().describe('How many of them it cannot be done to.'),
  failures: z.array(z.object({ id: z.string(), detail: z.string() })).describe('Up to 10 of these, and why.'),
  examples: z
    .array(z.object({ id: z.string(), field: z.string(), before: value, after: value }))
    .describe('Up to 10 of the others, in the order of their ids.'),
});
export type DeviceBulkPreview = z.infer<typeof deviceBulkPreview>;

/** The `result` of a bulk job. The devices it means are those that match when it starts. */
export const deviceBulkResult = z.object({
  changed: z.int(),
  unchanged: z.int().describe('As wanted already.'),
  skipped: z.int().describe('Did not match any more when their turn came, or were retired meanwhile.'),
  position: devicePosition
    .optional()
    .describe('Of the last change: a search with it as `minPosition` shows all of them.'),
});
export type DeviceBulkResult = z.infer<typeof deviceBulkResult>;
