import { incompatibilities } from './compatibility.ts';
import { eventSchemas } from './documents.ts';
import type { JsonSchema } from './json-schema.ts';
import { releasedSchemas } from './published.ts';

test('every released event schema still stands, and its successor takes what it took', () => {
  const released = releasedSchemas();
  const current = eventSchemas();
  expect(released.size).toBeGreaterThan(0);
  const broken = [...released].flatMap(([name, before]) => {
    const now = current[name];
    return now === undefined ? [`${name} was removed`] : incompatibilities(before, now).map((why) => `${name}${why}`);
  });
  // To change an event incompatibly: publish it under the next version (Name.v2) and lift the old one with an upcaster.
  expect(broken).toEqual([]);
});

test('every schema is compatible with itself', () => {
  for (const schema of Object.values(eventSchemas())) expect(incompatibilities(schema, schema)).toEqual([]);
});

const object = (properties: Record<string, JsonSchema>, required: string[] = []): JsonSchema => ({
  type: 'object',
  properties,
  required,
});
const text: JsonSchema = { type: 'string' };

test.each<[string, JsonSchema, JsonSchema]>([
  ['a new optional member', object({ a: text }, ['a']), object({ a: text, b: text }, ['a'])],
  ['a new value', { enum: ['a'] }, { enum: ['a', 'b'] }],
  ['a new alternative', { anyOf: [text] }, { anyOf: [{ type: 'number' }, text] }],
  ['wider bounds', { minimum: 1, maxLength: 5 }, { minimum: 0, maxLength: 6 }],
  ['a dropped bound', { maxItems: 5, pattern: 'a' }, {}],
  ['other words', { description: 'a', default: 1 }, { description: 'b', default: 2 }],
  ['an object that takes more members', { additionalProperties: false }, {}],
])('%s is compatible', (_, before, current) => {
  expect(incompatibilities(before, current)).toEqual([]);
});

test.each<[string, JsonSchema, JsonSchema, string]>([
  ['a removed member', object({ a: text }), object({}), '/properties/a was removed'],
  ['another type', object({ a: text }), object({ a: { type: 'number' } }), '/properties/a/type changed'],
  ['a member that became required', object({ a: text }), object({ a: text }, ['a']), '/properties/a became required'],
  ['a member no longer certain', object({ a: text }, ['a']), object({ a: text }), '/properties/a is no longer certain'],
  ['a lost value', { enum: ['a', 'b'] }, { enum: ['a'] }, ' lost the value b'],
  ['a new enumeration', text, { type: 'string', enum: ['a'] }, ' became an enumeration'],
  [
    'a lost alternative',
    { anyOf: [text, { type: 'null' }] },
    { anyOf: [text] },
    '/1 has no alternative that takes its values',
  ],
  ['narrower bounds', { maximum: 5 }, { maximum: 4 }, '/maximum became narrower'],
  ['a new bound', text, { type: 'string', minLength: 1 }, '/minLength became narrower'],
  ['another pattern', { pattern: 'a' }, { pattern: 'b' }, '/pattern changed'],
  ['narrower items', { items: text }, { items: { type: 'string', maxLength: 1 } }, '/items/maxLength became narrower'],
  ['an object that takes fewer members', {}, { additionalProperties: false }, ' takes fewer members'],
  ['a keyword that nobody judged', { propertyNames: text }, {}, '/propertyNames changed'],
])('%s is not compatible', (_, before, current, why) => {
  expect(incompatibilities(before, current)).toEqual([why]);
});
