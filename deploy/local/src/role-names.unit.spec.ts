import fc from 'fast-check';
import { logins, roleName } from './role-names.ts';

const parts = [...logins, 'auth_reader'] as const;

test('a role is named after its database and what it is for', () => {
  expect(roleName('quell', 'ingest')).toBe('quell_quell_ingest');
});

test('whatever a database is called, its roles fit into what Postgres keeps of a name, and are unlike those of any other', () => {
  const database = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 63 });
  fc.assert(
    fc.property(database, database, fc.constantFrom(...parts), fc.constantFrom(...parts), (a, b, one, other) => {
      expect(Buffer.byteLength(roleName(a, one))).toBeLessThanOrEqual(63);
      expect(roleName(a, one) === roleName(b, other)).toBe(a === b && one === other);
    }),
  );
});

test('long names that begin alike stay apart, and keep no half of a character', () => {
  const long = 'ä'.repeat(30);
  expect(roleName(`${long}1`, 'auth_reader')).not.toBe(roleName(`${long}2`, 'auth_reader'));
  expect(roleName(`x${long}`, 'ingest')).not.toContain('\uFFFD');
});
