import { type ApiKeyRecord, bearerToken, hashOfKey, judgeKey, mayDo, newApiKey } from './api-key.ts';

const now = new Date('2026-11-23T12:00:00Z');
const later = new Date('2026-11-23T12:00:01Z');
const key = (more: Partial<ApiKeyRecord> = {}): ApiKeyRecord => ({
  id: 'k',
  name: 'edr',
  scopes: ['tasks:read'],
  expiresAt: null,
  revokedAt: null,
  ...more,
});

test('a new key has 256 random bits, and only its hash is needed to know it again', () => {
  const { secret, prefix, hash } = newApiKey();
  expect(Buffer.from(secret.replace('quell_', ''), 'base64url')).toHaveLength(32);
  expect(secret.startsWith(prefix)).toBe(true);
  expect(hashOfKey(secret).equals(hash)).toBe(true);
  expect(newApiKey().secret).not.toBe(secret);
});

test('the token of a bearer header is read whatever the case of the scheme, and nothing else is', () => {
  expect(bearerToken('Bearer abc')).toBe('abc');
  expect(bearerToken('bEARER  abc')).toBe('abc');
  for (const header of [undefined, '', 'Basic abc', 'Bearer', 'Bearer a b', `Bearer ${'x'.repeat(513)}`]) {
    expect(bearerToken(header)).toBeUndefined();
  }
});

test('a key counts until the moment it expires or is revoked, and an unknown one is refused the same way', () => {
  expect(judgeKey(key({ expiresAt: later }), now)).toMatchObject({ kind: 'accepted', principal: { keyId: 'k' } });
  const refused = { kind: 'refused', reason: 'invalid' };
  expect(judgeKey(key({ expiresAt: now }), now)).toEqual(refused);
  expect(judgeKey(key({ revokedAt: later }), now)).toEqual(refused);
  expect(judgeKey(null, now)).toEqual(refused);
});

test('one of the wanted scopes is enough, and admin has them all', () => {
  const principal = { keyId: 'k', name: 'n', scopes: ['tasks:read' as const] };
  expect(mayDo(principal, ['tasks:act', 'tasks:read'])).toBe(true);
  expect(mayDo(principal, ['tasks:act'])).toBe(false);
  expect(mayDo(principal, ['admin'])).toBe(false);
  expect(mayDo({ ...principal, scopes: ['admin'] }, ['tasks:act'])).toBe(true);
});
