import type { z } from 'zod';
import { refusal } from './problem-error.ts';

export interface Page<Item> {
  readonly items: Item[];
  /** Absent on the last page. */
  readonly nextCursor?: string;
}

/** An opaque cursor: where the last page ended, as the list's own sort key. */
export function encodeCursor(position: unknown): string {
  return Buffer.from(JSON.stringify(position)).toString('base64url');
}

/** The sort key in a cursor, checked by the list's own schema. @throws ProblemError 400 for anything we did not make */
export function decodeCursor<Schema extends z.ZodType>(cursor: string, schema: Schema): z.infer<Schema> {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(cursor, 'base64url').toString());
  } catch {
    value = undefined;
  }
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const detail = 'This is not a cursor of this list. Take nextCursor of the page before, or leave it out.';
  throw refusal('invalid-request', detail, { errors: [{ pointer: '/cursor', detail }] });
}

/** A page of rows that were read with `LIMIT limit + 1`: the extra one only tells that there is a next page. */
export function pageOf<Row, Item>(
  rows: readonly Row[],
  limit: number,
  itemOf: (row: Row) => Item,
  positionOf: (row: Row) => unknown,
): Page<Item> {
  const items = rows.slice(0, limit).map(itemOf);
  const last = rows[limit - 1];
  return rows.length > limit && last !== undefined ? { items, nextCursor: encodeCursor(positionOf(last)) } : { items };
}
