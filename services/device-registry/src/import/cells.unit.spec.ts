import fc from 'fast-check';
import { cellOfValues, guardedCell, unguardedCell, valuesOfCell } from './cells.ts';

test('a guarded cell begins like no formula, and reading it gives the text back exactly', () => {
  const beginning = fc.constantFrom('=', '+', '-', '@', '\t', '\r', "'", "''", "'=", '＝', 'a', '');
  fc.assert(
    fc.property(beginning, fc.string({ unit: 'grapheme' }), (first, rest) => {
      const cell = guardedCell(first + rest);
      expect(cell).not.toMatch(/^[=+\-@\t\r\n＝]/);
      expect(unguardedCell(cell)).toBe(first + rest);
    }),
  );
});

test('an apostrophe that guards nothing is the caller’s own', () => {
  expect(["'t Hoen", "'", "'=1+1", "''x"].map(unguardedCell)).toEqual(["'t Hoen", "'", '=1+1', "'x"]);
});

test('any values of a list come back from its cell', () => {
  const value = fc.string({ unit: fc.constantFrom(';', '\\', ' ', '\n', '\u00a0', 'a', 'é', '😀', '"'), minLength: 1 });
  fc.assert(
    fc.property(fc.array(value), fc.constantFrom('tags', 'hostnames'), (values, column) => {
      expect(valuesOfCell(column, cellOfValues(values))).toEqual(values);
    }),
  );
});

test('a list as people write it: blanks around values do not count, a backslash stays one', () => {
  expect(valuesOfCell('tags', ' floor 3 ;lobby;; east\\; wing ;')).toEqual(['floor 3', 'lobby', 'east; wing']);
  expect(valuesOfCell('hostnames', 'CORP\\pc-1; pc-1.example')).toEqual(['CORP\\pc-1', 'pc-1.example']);
  expect(valuesOfCell('capabilities', 'relay;dimming  wireless')).toEqual(['relay', 'dimming', 'wireless']);
  expect(valuesOfCell('ips', '192.0.2.1 2001:db8::1')).toEqual(['192.0.2.1', '2001:db8::1']);
  expect(valuesOfCell('tags', ' ')).toEqual([]);
});
