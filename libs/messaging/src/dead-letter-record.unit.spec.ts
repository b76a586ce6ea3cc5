import fc from 'fast-check';
import type { BrokerMessage } from './broker.ts';
import { deadLetter, deadLetterOf, deadLetterRecord, maxCarriedBytes } from './dead-letter-record.ts';

const message: fc.Arbitrary<BrokerMessage> = fc.record({
  topic: fc.stringMatching(/^[a-z.-]{1,20}$/),
  partition: fc.nat(500),
  offset: fc.bigInt({ min: 0n, max: 2n ** 53n }),
  key: fc.option(fc.string()),
  value: fc.option(fc.uint8Array().map((bytes) => Buffer.from(bytes))),
  headers: fc.dictionary(fc.stringMatching(/^(ce_)?[a-z]{1,8}$/), fc.string()),
  timestamp: fc.date({ noInvalidDate: true, min: new Date(0), max: new Date('9999-12-31') }),
});
const cause = fc.record({ kind: fc.constantFrom('undecodable', 'failed', 'parked'), reason: fc.string() });
const diedAt = new Date('2026-01-02T03:04:05.006Z');

/** As the record comes back from its own topic. */
const published = (letter: ReturnType<typeof deadLetter>): BrokerMessage => {
  const { key, value, headers = {} } = deadLetterRecord(letter);
  const bytes = typeof value === 'string' ? Buffer.from(value) : value;
  return { topic: 'dead-letters.v1', partition: 0, offset: 0n, key, value: bytes, headers, timestamp: diedAt };
};

test('a dead letter read from its topic gives back the message that died, byte for byte', () => {
  fc.assert(
    fc.property(message, cause, (original, why) => {
      const letter = deadLetter('mitigation', original, why, diedAt);
      expect(deadLetterOf(published(letter))).toEqual(letter);
      expect(letter.message).toEqual(original);
    }),
  );
});

test('the id is the same whenever the same message dies at the same service, and names both', () => {
  const original = fc.sample(message, 1)[0]!;
  const first = deadLetter('mitigation', original, { kind: 'failed', reason: 'a' }, diedAt);
  const second = deadLetter('mitigation', original, { kind: 'parked', reason: 'b' }, new Date());
  expect(second.id).toBe(first.id);
  expect(first.id).toBe(`mitigation:${original.topic}:${original.partition}:${original.offset}`);
});

test('a value too large to be carried along is left out and the pointer kept', () => {
  const original = { ...fc.sample(message, 1)[0]!, value: Buffer.alloc(maxCarriedBytes + 1) };
  const letter = deadLetterOf(published(deadLetter('s', original, { kind: 'failed', reason: 'r' }, diedAt)));
  expect(letter).toMatchObject({ valueOmitted: true, message: { value: null, offset: original.offset } });
});

test('a record without the headers of a dead letter is not taken for one', () => {
  const record = published(deadLetter('s', fc.sample(message, 1)[0]!, { kind: 'failed', reason: 'r' }, diedAt));
  for (const name of [
    'dl_id',
    'dl_service',
    'dl_kind',
    'dl_reason',
    'dl_topic',
    'dl_partition',
    'dl_offset',
    'dl_died_at',
  ]) {
    const { [name]: _, ...headers } = record.headers;
    expect(deadLetterOf({ ...record, headers })).toBeUndefined();
  }
  expect(deadLetterOf({ ...record, headers: { ...record.headers, dl_kind: 'bored' } })).toBeUndefined();
});
