import fc from 'fast-check';
import { z } from 'zod';
import { decodeCursor, encodeCursor, pageOf } from './cursor.ts';

const position = z.tuple([z.string(), z.int()]);

test('a cursor gives back the position it was made of', () => {
  fc.assert(
    fc.property(fc.tuple(fc.string({ unit: 'binary' }), fc.maxSafeInteger()), (value) => {
      const cursor = encodeCursor(value);
      expect(cursor).toMatch(/^[\w-]+$/);
      expect(decodeCursor(cursor, position)).toEqual(value);
    }),
  );
});

test('whatever we did not make is refused as a bad cursor', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.jsonValue().map(encodeCursor)), (cursor) => {
      fc.pre(!position.safeParse(tryParse(cursor)).success);
      expect(() => decodeCursor(cursor, position)).toThrow('This is not a cursor of this list');
    }),
  );
});

test('walking the pages of any list shows each row once, in order, whatever the limit', () => {
  fc.assert(
    fc.property(fc.nat(30), fc.integer({ min: 1, max: 12 }), (count, limit) => {
      const rows = Array.from({ length: count }, (_, index) => index);
      const seen: number[] = [];
      let after = -1;
      for (;;) {
        const read = rows.filter((row) => row > after).slice(0, limit + 1);
        const page = pageOf(
          read,
          limit,
          (row) => row,
          (row) => row,
        );
        seen.push(...page.items);
        if (page.nextCursor === undefined) break;
        after = decodeCursor(page.nextCursor, z.int());
      }
      expect(seen).toEqual(rows);
    }),
  );
});

function tryParse(cursor: string): unknown {
  try {
    return JSON.parse(Buffer.from(cursor, 'base64url').toString());
  } catch {
    return undefined;
  }
}
