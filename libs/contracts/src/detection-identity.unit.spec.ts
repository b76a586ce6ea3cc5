import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { v5 as uuidv5 } from 'uuid';
import type { NativeDetection } from './detection.ts';
import { canonicalJson, detectionIdOf, eventIdOf, threatKeyOf } from './detection-identity.ts';

const namespace = '6f1d6d53-3a42-5c0b-9d0e-1c5b8f0f7a11';
const anyJson = fc.jsonValue({ maxDepth: 4 });

/** The definition, written for the eye rather than for speed. */
function canonicalByDefinition(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalByDefinition).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const names = Object.keys(value).sort();
  return `{${names.map((name) => `${JSON.stringify(name)}:${canonicalByDefinition((value as never)[name])}`).join(',')}}`;
}

/** Parsed from text, since only so `__proto__` becomes a member like any other. */
const withOddNames = fc
  .dictionary(fc.constantFrom('a', 'b', 'B', '10', '9', '__proto__', 'é', '', '01'), anyJson, {
    noNullPrototype: false,
  })
  .chain((object) =>
    fc
      .shuffledSubarray(Object.keys(object), { minLength: Object.keys(object).length })
      .map((names): unknown =>
        JSON.parse(`{${names.map((name) => `${JSON.stringify(name)}:${JSON.stringify(object[name])}`).join(',')}}`),
      ),
  );

test('canonical JSON is the definition for any value, odd member names included', () => {
  fc.assert(
    fc.property(fc.oneof(anyJson, withOddNames), (value) => {
      expect(canonicalJson(value)).toBe(canonicalByDefinition(value));
    }),
  );
});

test('members that are undefined do not count', () => {
  expect(canonicalJson({ b: undefined, a: [1, undefined], 2: undefined })).toBe('{"a":[1,null]}');
});

test('ids are version 5 UUIDs as other tools make them', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string(), fc.string(), (source, sourceId, name) => {
      const id = detectionIdOf(source, sourceId);
      expect(id).toBe(uuidv5(`${source.length}:${source}:${sourceId}`, namespace));
      const content = { source, threat: { name } } as NativeDetection;
      const digest = createHash('sha256').update(canonicalJson(content)).digest('hex');
      expect(eventIdOf(id, 'create', content)).toBe(uuidv5(`create:${digest}`, id));
    }),
  );
});

test('a threat key has at most 512 bytes, and only what is longer is hashed', () => {
  const asIs = '/'.padEnd(512 - 'path:file:'.length, 'a');
  expect(threatKeyOf({ name: 'x', path: asIs })).toBe(`path:file:${asIs}`);
  const digest = createHash('sha256').update(`${asIs}a`).digest('hex');
  expect(threatKeyOf({ name: 'x', path: `${asIs}a` })).toBe(`path-sha256:file:${digest}`);
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 600, size: 'max' }), fc.boolean(), (value, isPath) => {
      const key = threatKeyOf({ name: value, kind: 'registry-key', ...(isPath ? { path: value } : {}) });
      expect(Buffer.byteLength(key)).toBeLessThanOrEqual(512);
    }),
  );
});

test('long paths that differ are different threats, and on Windows their case still makes no difference', () => {
  const long = (end: string) => ({ name: 'x', path: `C:\\${'Ordner\\'.repeat(400)}${end}` });
  expect(threatKeyOf(long('a'))).not.toBe(threatKeyOf(long('b')));
  expect(threatKeyOf(long('A'))).not.toBe(threatKeyOf(long('a')));
  expect(threatKeyOf(long('A'), 'windows')).toBe(threatKeyOf(long('a'), 'windows'));
});
