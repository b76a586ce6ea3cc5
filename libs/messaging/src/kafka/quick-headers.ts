import { createRequire } from 'node:module';

/** What kafkajs's encoder of a record copies into the record. */
interface EncodedHeader {
  readonly buf: Buffer;
  readonly buffer: Buffer;
}

const require = createRequire(import.meta.url);
const encoderOfKafkajs = 'kafkajs/src/protocol/recordBatch/header/v0';
/** Headers with the same few values in every record: `ce_type`, `content-type` and their like. */
const repeated = new Map<string, EncodedHeader>();
const mostRepeated = 1000;
/** Shorter than a time or a UUID: those never come again and would fill the map. */
const longestRepeated = 23;

/**
 * kafkajs 2.2.4 fills half a kilobyte with zeros for each header of each record: five headers cost six times what the rest of
 * the record does. It loads its encoder at the first produce, so ours can take its place before. Where modules have no real
 * cache (jest) nothing changes but the speed.
 */
export function quickenHeaders(): void {
  require(encoderOfKafkajs);
  const loaded = require.cache[require.resolve(encoderOfKafkajs)];
  if (loaded !== undefined) loaded.exports = encodeHeader;
}

/** A header as it stands in a record: two byte strings, each behind its length as a zigzag varint (Kafka's record format v2). */
export function encodeHeader({ key, value }: { key: string; value: string | Buffer | null }): EncodedHeader {
  if (typeof value !== 'string' || value.length > longestRepeated) return encode(key, value);
  // The length keeps ("a", "b=c") and ("a=b", "c") apart.
  const text = `${key.length}:${key}=${value}`;
  const known = repeated.get(text);
  if (known !== undefined) return known;
  const encoded = encode(key, value);
  if (repeated.size < mostRepeated) repeated.set(text, encoded);
  return encoded;
}

function encode(key: string, value: string | Buffer | null): EncodedHeader {
  const keySize = Buffer.byteLength(key);
  const valueSize = value === null ? -1 : Buffer.byteLength(value);
  // A length below 2^28 takes at most five bytes.
  const buffer = Buffer.allocUnsafe(10 + keySize + Math.max(valueSize, 0));
  let end = writeVarInt(buffer, keySize, 0);
  end += buffer.write(key, end);
  end = writeVarInt(buffer, valueSize, end);
  if (typeof value === 'string') end += buffer.write(value, end);
  else if (value !== null) end += value.copy(buffer, end);
  const whole = buffer.subarray(0, end);
  return { buf: whole, buffer: whole };
}

function writeVarInt(buffer: Buffer, value: number, at: number): number {
  let rest = ((value << 1) ^ (value >> 31)) >>> 0;
  let end = at;
  while (rest > 0x7f) {
    buffer[end++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  buffer[end++] = rest;
  return end;
}
