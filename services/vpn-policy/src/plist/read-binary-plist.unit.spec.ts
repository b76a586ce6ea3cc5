import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { buildBinary, parseBinary } from 'plist';
import { refusing } from '../formats/refusal.ts';
import type { PlistValue } from './plist-value.ts';
import { readBinaryPlist } from './read-binary-plist.ts';

/** A file of the objects, each given by its bytes, with one-byte offsets and references. */
function file(
  objects: readonly number[][],
  { top = 0, offsets }: { top?: number; offsets?: number[] } = {},
): Uint8Array {
  const starts: number[] = [];
  const body: number[] = [...Buffer.from('bplist00')];
  for (const object of objects) {
    starts.push(body.length);
    body.push(...object);
  }
  const table = body.length;
  const trailer = [0, 0, 0, 0, 0, 0, 1, 1, ...long(objects.length), ...long(top), ...long(table)];
  return new Uint8Array([...body, ...(offsets ?? starts), ...trailer]);
}
const long = (value: number) => [0, 0, 0, 0, 0, 0, value >> 8, value & 0xff];
const text = (value: string) => [0x50 | value.length, ...Buffer.from(value)];
const read = (bytes: Uint8Array) => refusing(() => readBinaryPlist(bytes));

test.each<[string, string, Uint8Array]>([
  ['an array that contains itself', 'an object that contains itself', file([[0xa1, 0]])],
  ['a dictionary below itself', 'an object that contains itself', file([[0xd1, 1, 2], text('k'), [0xa1, 0]])],
  ['a key twice', 'a key that this dictionary already has', file([[0xd2, 1, 1, 2, 2], text('k'), text('v')])],
  [
    'two keys that read alike',
    'a key that this dictionary already has',
    file([[0xd2, 1, 2, 1, 2], text('k'), text('k')]),
  ],
  [
    'a key that is no text',
    'a key that is no text',
    file([
      [0xd1, 1, 1],
      [0x10, 1],
    ]),
  ],
  ['a reference to no object', 'a reference to no object', file([[0xa1, 9]])],
  ['an object outside the file', 'an object outside the file', file([[0xa1, 1], [0x09]], { offsets: [8, 200] })],
  ['an array that ends outside', 'an object that ends outside the file', file([[0xa5, 0]])],
  ['a length that is no number', 'a length that is no number', file([[0x5f, 0x50, 1]])],
  [
    'a length of all there is',
    'an object that ends outside the file',
    file([[0x5f, 0x13, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]]),
  ],
  ['a UID', 'a value that profiles do not have', file([[0x80, 1]])],
  ['null', 'a value that profiles do not have', file([[0x00]])],
  ['an integer beyond 2^53', 'an integer beyond 2^53', file([[0x13, 0x7f, 0, 0, 0, 0, 0, 0, 0]])],
  ['bytes above ASCII', 'bytes that are no text', file([[0x51, 0xe9]])],
  ['half a surrogate pair', 'bytes that are no text', file([[0x61, 0xd8, 0x00]])],
  [
    'a trailer of nonsense',
    'a trailer that does not fit the file',
    new Uint8Array([...Buffer.from('bplist00'), ...new Uint8Array(40)]),
  ],
  ['no trailer', 'the file ends too early', Buffer.from('bplist00')],
])('%s is refused', (_what, reason, bytes) => {
  expect(read(bytes)).toMatchObject({ result: 'refused', text: expect.stringContaining(reason) });
});

test('a few bytes that unfold to billions of values are refused; the library would unfold them', () => {
  // Each array holds the next one fifteen times over and over: 15^12 values from 13 objects.
  const layers = Array.from({ length: 12 }, (_, index) => [0xae, ...Array.from({ length: 14 }, () => index + 1)]);
  const bomb = file([...layers, text('ha')]);
  expect(bomb.length).toBeLessThan(300);
  expect(read(bomb)).toMatchObject({ result: 'refused', reason: 'too-large' });
});

test('what is deep is refused, and a text that is shared counts each time', () => {
  const deep = file([...Array.from({ length: 100 }, (_, index) => [0xa1, index + 1]), [0x09]]);
  expect(read(deep)).toMatchObject({ reason: 'too-large', text: expect.stringContaining('deeper') });
  const long = 'x'.repeat(200_000);
  const shared = buildBinary(Array.from({ length: 100 }, () => long));
  expect(shared.length).toBeLessThan(210_000);
  expect(read(shared)).toMatchObject({ reason: 'too-large', text: expect.stringContaining('characters') });
});

const plain = (value: PlistValue): unknown => {
  switch (value.kind) {
    case 'dict':
      return Object.fromEntries([...value.entries].map(([key, entry]) => [key, plain(entry.value)]));
    case 'array':
      return value.items.map(plain);
    case 'data':
      return 'data';
    default:
      return value.value;
  }
};

test('what the library writes and reads is read the same', () => {
  const leaf = fc.oneof(
    fc.string({ unit: 'grapheme' }),
    fc.boolean(),
    fc.integer({ min: -(2 ** 31), max: 2 ** 32 - 1 }),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => (Object.is(value, -0) ? 0 : value)),
  );
  const key = fc.string({ unit: 'grapheme-ascii' }).filter((name) => name !== 'UID' && name !== '__proto__');
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof({ maxDepth: 4 }, leaf, fc.array(tie('tree')), fc.dictionary(key, tie('tree'))),
  }));
  fc.assert(
    fc.property(tree, (value) => {
      const bytes = buildBinary(value as never);
      const found = read(bytes);
      if ('result' in found) throw new Error(found.text);
      expect(plain(found)).toEqual(value);
      expect(plain(found)).toEqual(parseBinary(bytes));
    }),
    { numRuns: 300 },
  );
});
