import { z } from 'zod';

/** Where something stands in a file: in text by line and column, both from 1, in a binary plist by its byte, from 0. */
export const filePlace = z.union([
  z.object({ line: z.int().positive(), column: z.int().positive().describe('In UTF-16 code units.') }),
  z.object({ byte: z.int().min(0) }),
]);
export type FilePlace = z.infer<typeof filePlace>;
