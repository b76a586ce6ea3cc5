import fc from 'fast-check';
import { isEicarTestFile } from './eicar.ts';

const TEST_STRING = Buffer.from(['X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR', 'STANDARD-ANTIVIRUS-TEST-FILE!$H+H*'].join('-'));
const whitespace = fc
  .array(fc.constantFrom(0x20, 0x09, 0x0a, 0x0d, 0x1a), { maxLength: 60 })
  .map((bytes) => Buffer.from(bytes));

test('the 68 characters alone are the test file', () => {
  expect(TEST_STRING).toHaveLength(68);
  expect(isEicarTestFile(TEST_STRING)).toBe(true);
});

test('white space after the string is allowed up to 128 bytes in all', () => {
  fc.assert(fc.property(whitespace, (space) => isEicarTestFile(Buffer.concat([TEST_STRING, space]))));
  const padded = (length: number) => Buffer.concat([TEST_STRING, Buffer.alloc(length - 68, ' ')]);
  expect(isEicarTestFile(padded(128))).toBe(true);
  expect(isEicarTestFile(padded(129))).toBe(false);
});

test('a document that quotes the string is not the test file', () => {
  expect(isEicarTestFile(Buffer.concat([TEST_STRING, Buffer.from(' is harmless')]))).toBe(false);
  expect(isEicarTestFile(Buffer.concat([Buffer.from(' '), TEST_STRING]))).toBe(false);
});

test('any changed byte of the string makes it another file', () => {
  fc.assert(
    fc.property(fc.nat(67), fc.integer({ min: 1, max: 255 }), (at, flip) => {
      const changed = Buffer.from(TEST_STRING);
      changed[at] = (changed[at] ?? 0) ^ flip;
      return !isEicarTestFile(changed);
    }),
  );
});
