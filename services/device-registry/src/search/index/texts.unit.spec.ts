import { foldValue } from '@quell/device-query/fold';
import { naturalKey } from '@quell/device-query/rank';
import { isWithinEdits } from '@quell/device-query/typos';
import fc from 'fast-check';
import { GrowingBytes, type TextTable } from './bytes.ts';
import { FoldedBytes } from './fold-bytes.ts';
import { sortTexts } from './sort-texts.ts';
import { walkTypos } from './typo-walk.ts';

const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 12 }).map((text) => text.toWellFormed()),
  fc
    .array(fc.constantFrom('Room ', '007', '10', 'é', 'e\u0301', 'ß', '室', '🔥', '-', '\u200d', 'ﷺ', 'x'), {
      maxLength: 8,
    })
    .map((all) => all.join('')),
);

function tableOf(texts: readonly string[]): TextTable {
  const bytes = new GrowingBytes();
  const offsets = [0];
  for (const text of texts) {
    bytes.text(text);
    offsets.push(bytes.length);
  }
  return { bytes: bytes.finish(), offsets: Uint32Array.from(offsets) };
}

test('folding bytes is folding text: the same letters, the same parts, the same natural key', () => {
  const folded = new FoldedBytes();
  fc.assert(
    fc.property(anyText, (text) => {
      const bytes = new TextEncoder().encode(text);
      const value = foldValue(text);
      const key = new GrowingBytes();
      for (const fold of [() => folded.foldText(text), () => folded.fold(bytes, 0, bytes.length)]) {
        fold();
        const joined = new TextDecoder().decode(folded.bytes.subarray(0, folded.length));
        expect(joined).toBe(value.joined);
        const starts = [...folded.starts.subarray(0, folded.parts)];
        expect(starts).toEqual(value.starts.map((start) => Buffer.byteLength(value.joined.slice(0, start))));
        key.length = 0;
        folded.writeNaturalKey(key);
        expect(new TextDecoder().decode(key.finish())).toBe(naturalKey(text));
      }
    }),
    { numRuns: 2_000 },
  );
});

test('texts are sorted by their bytes, and equal ones stay as they were', () => {
  const anyLong = fc
    .tuple(fc.constantFrom('', 'a', 'Building 1 Floor ', 'Building 1 Floor 2 Room 3'), fc.string({ maxLength: 3 }))
    .map(([start, end]) => (start + end).replaceAll('\0', ''));
  fc.assert(
    fc.property(fc.array(anyLong, { maxLength: 300 }), (texts) => {
      const order = Uint32Array.from(texts, (_, index) => index);
      sortTexts(tableOf(texts), order);
      const expected = texts.map((text, index) => ({ bytes: Buffer.from(text), index }));
      expected.sort((a, b) => Buffer.compare(a.bytes, b.bytes) || a.index - b.index);
      expect([...order]).toEqual(expected.map(({ index }) => index));
    }),
  );
});

test('walking sorted texts for typos finds those that each alone is near enough', () => {
  const letters = fc.array(fc.constantFrom('a', 'b', 'c', 'é', '室'), { minLength: 1, maxLength: 9 });
  const anyWord = letters.map((all) => all.join(''));
  const tolerance = fc.record({ edits: fc.constantFrom(1 as const, 2 as const), sameFirst: fc.boolean() });
  fc.assert(
    fc.property(fc.uniqueArray(anyWord, { maxLength: 40 }), anyWord, tolerance, (words, typed, given) => {
      fc.pre([...typed].length > given.edits);
      const sorted = words.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
      const { bytes, offsets } = tableOf(sorted);
      const bytesOf = (index: number) => ({ bytes, start: offsets[index]!, end: offsets[index + 1]! });
      const found: string[] = [];
      walkTypos({ count: sorted.length, bytesOf }, typed, given, (from, to) => found.push(...sorted.slice(from, to)));
      expect(found.sort()).toEqual(sorted.filter((word) => isWithinEdits(typed, word, given)).sort());
    }),
    { numRuns: 2_000 },
  );
});
