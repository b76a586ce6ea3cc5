import fc from 'fast-check';
import { taskListQuery } from './task-api.ts';
import { text, timestamp, url } from './vocabulary.ts';

const accepts = (schema: { safeParse(value: unknown): { success: boolean } }, value: unknown) =>
  schema.safeParse(value).success;

test('free text takes any well-formed Unicode up to its length, and nothing else', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (value) => {
      expect(accepts(text(8), value)).toBe([...value].length <= 8 && !value.includes('\0'));
    }),
  );
  for (const bad of ['a\u0000b', '\ud800', 'a\udc00b', '\udc00\ud800']) {
    expect(accepts(text(8), bad)).toBe(false);
    expect(accepts(url, `https://example.org/${bad}`)).toBe(false);
    expect(accepts(taskListQuery, { endpoint: bad })).toBe(false);
  }
  expect(accepts(text(8), 'a😀\u0001\uffff')).toBe(true);
});

test.each([
  '0001-01-01T00:00:00Z',
  '9999-12-31T23:59:59Z',
  '2026-11-23T10:00:00.123456789+05:45',
  '2026-11-23T10:00:00-15:59',
])('%s is a time that every reader can hold', (value) => {
  expect(accepts(timestamp, value)).toBe(true);
});

test.each([
  '0000-06-01T00:00:00Z',
  '0001-01-01T00:00:00+14:00',
  '0000-12-31T23:59:59-12:00',
  '9999-12-31T23:59:59-00:01',
  '9999-12-31T23:59:59.9999999Z',
  '2026-11-23T10:00:00+16:00',
  '2026-11-23T10:00:00-23:59',
  `2026-11-23T10:00:00.${'1'.repeat(200)}Z`,
])('%s is none: outside the years 1 to 9999, or no offset or fraction that Postgres reads', (value) => {
  expect(accepts(timestamp, value)).toBe(false);
});
