import fc from 'fast-check';
import { mergeRules, parseHashList, parsePatterns } from './rules.ts';

const digest = 'A'.repeat(64);

test('a hash list takes digests in either case, names, comments and the lines of sha256sum', () => {
  const text = `# known\n${digest}  Trojan.Test\r\n\n${'b'.repeat(64)} *file name.exe\n${'c'.repeat(64)}\n`;
  const parsed = parseHashList(text);
  expect(parsed.ok && [...parsed.value]).toEqual([
    ['a'.repeat(64), 'Trojan.Test'],
    ['b'.repeat(64), 'file name.exe'],
    ['c'.repeat(64), `SHA256:${'c'.repeat(16)}`],
  ]);
});

test('a line that is no digest is refused with its number', () => {
  expect(parseHashList(`${digest}\nnot a digest\n`)).toMatchObject({ ok: false, line: 2 });
  expect(parseHashList(`${digest.slice(1)}`)).toMatchObject({ ok: false, line: 1 });
});

test('a pattern reads back as the bytes that were written, whatever its name', () => {
  const name = fc.stringMatching(/^[A-Za-z][A-Za-z0-9. :]{0,20}[A-Za-z0-9]$/);
  fc.assert(
    fc.property(name, fc.uint8Array({ minLength: 1, maxLength: 40 }), (said, bytes) => {
      const hex = Buffer.from(bytes).toString('hex').replace(/../g, '$& ');
      const parsed = parsePatterns(`${said}: ${hex}`);
      expect(parsed).toEqual({ ok: true, value: [{ name: said, bytes: Buffer.from(bytes) }] });
    }),
  );
});

test('half a byte or no hex is refused', () => {
  expect(parsePatterns('A: abc')).toMatchObject({ ok: false, line: 1 });
  expect(parsePatterns('# ok\nA: xyz1')).toMatchObject({ ok: false, line: 2 });
});

test('of two names for one hash the first source wins', () => {
  const source = (name: string) => ({ hashes: new Map([['h', name]]), patterns: [] });
  expect(mergeRules([source('first'), source('second')]).hashes.get('h')).toBe('first');
});
