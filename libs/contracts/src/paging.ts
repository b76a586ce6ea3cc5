import { z } from 'zod';

/** What every list takes: `limit` items at most, and the `nextCursor` of the page before. */
export const pageParameters = {
  limit: z.coerce.number().int().min(1).max(500).default(50).describe('How many items a page holds at most.'),
  cursor: z.string().max(2048).optional().describe('`nextCursor` of the page before; absent for the first page.'),
};

/** A cursor page. `nextCursor` is absent on the last page. */
export const pageOf = <T extends z.ZodType>(item: T) =>
  z.object({ items: z.array(item), nextCursor: z.string().optional() });

/** A parameter that may be repeated (`?kind=a&kind=b`), up to `most` times; one value counts as a list of one. */
export const repeatable = <T extends z.ZodType>(item: T, most = 500) =>
  z.preprocess(
    (value) => (value === undefined || Array.isArray(value) ? value : [value]),
    z.array(item).max(most).optional(),
  );

/** `true` or `false` as text. */
export const booleanParameter = z.enum(['true', 'false']).transform((text) => text === 'true');
