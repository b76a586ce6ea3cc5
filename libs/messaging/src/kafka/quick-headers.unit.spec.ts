import { createRequire } from 'node:module';
import fc from 'fast-check';
import { encodeHeader } from './quick-headers.ts';

const encodeByKafkajs = createRequire(import.meta.url)('kafkajs/src/protocol/recordBatch/header/v0') as (header: {
  key: string;
  value: string | Buffer | null;
}) => { buffer: Buffer };

test('a header is encoded byte for byte as kafkajs does, the second time too', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string({ minLength: 60, maxLength: 70 }),
    fc.constant('x'.repeat(20_000)),
  );
  const value = fc.oneof(text, fc.uint8Array().map(Buffer.from), fc.constant(null));
  fc.assert(
    fc.property(text, value, (key, content) => {
      const expected = encodeByKafkajs({ key, value: content }).buffer;
      expect(encodeHeader({ key, value: content }).buffer.equals(expected)).toBe(true);
      expect(encodeHeader({ key, value: content }).buffer.equals(expected)).toBe(true);
    }),
  );
});

test('a name and a value that share their text are not taken for one another', () => {
  const one = encodeHeader({ key: 'a', value: 'b=c' });
  const other = encodeHeader({ key: 'a=b', value: 'c' });
  expect(one.buffer.equals(other.buffer)).toBe(false);
});
