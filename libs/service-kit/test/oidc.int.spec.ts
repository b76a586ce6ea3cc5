import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Authenticator } from '@quell/service-kit/authenticator';
import { withOidc } from '@quell/service-kit/oidc';
import { type CryptoKey, exportJWK, generateKeyPair, SignJWT, UnsecuredJWT } from 'jose';

const keys: Authenticator = {
  authenticate: async (header) => ({ kind: 'refused', reason: header === undefined ? 'missing' : 'invalid' }),
  close: async () => {},
};

/** An OpenID provider with one key, as far as services see it. */
let server: http.Server;
let issuer: string;
let signing: CryptoKey;
let away = false;

beforeAll(async () => {
  const pair = await generateKeyPair('ES256');
  signing = pair.privateKey;
  const jwk = { ...(await exportJWK(pair.publicKey)), kid: 'one', alg: 'ES256' };
  server = http.createServer((request, response) => {
    if (away) return void request.socket.destroy();
    const isKeys = request.url === '/keys';
    const body = isKeys ? { keys: [jwk] } : { issuer, jwks_uri: `${issuer}/keys` };
    response.setHeader('content-type', 'application/json').end(JSON.stringify(body));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  away = false;
});

const now = () => Math.floor(Date.now() / 1000);
const token = (claims: object = {}, key: CryptoKey = signing) =>
  new SignJWT({ iss: issuer, aud: 'quell', sub: 'anna', exp: now() + 300, scope: 'tasks:read openid', ...claims })
    .setProtectedHeader({ alg: 'ES256', kid: 'one' })
    .sign(key);
const judge = async (jwt: string) => withOidc(keys, { issuer, audience: 'quell' }).authenticate(`Bearer ${jwt}`);

test('a token of the provider opens what its scopes say, and unknown scopes open nothing', async () => {
  expect(await judge(await token({ preferred_username: 'Anna' }))).toEqual({
    kind: 'accepted',
    principal: { keyId: 'oidc:anna', name: 'Anna', scopes: ['tasks:read'] },
  });
  const listed = await judge(await token({ scope: undefined, scp: ['admin', 'email'] }));
  expect(listed).toMatchObject({ kind: 'accepted', principal: { name: 'anna', scopes: ['admin'] } });
});

test('a token of another issuer, audience, key or time is refused, and so is one without signature, subject or end', async () => {
  const { privateKey: stranger } = await generateKeyPair('ES256');
  const refused = [
    token({ iss: 'https://elsewhere.example' }),
    token({ aud: 'another' }),
    token({ exp: now() - 60 }),
    token({ nbf: now() + 60 }),
    token({ exp: undefined }),
    token({ sub: undefined }),
    token({}, stranger),
  ];
  for (const jwt of await Promise.all(refused))
    expect(await judge(jwt)).toEqual({ kind: 'refused', reason: 'invalid' });
  const unsigned = new UnsecuredJWT({ iss: issuer, aud: 'quell', sub: 'anna', exp: now() + 300 }).encode();
  expect(await judge(`${unsigned}x`)).toEqual({ kind: 'refused', reason: 'invalid' });
});

test('other credentials are left to the API keys', async () => {
  const both = withOidc(keys, { issuer, audience: 'quell' });
  expect(await both.authenticate(undefined)).toEqual({ kind: 'refused', reason: 'missing' });
  expect(await both.authenticate('Bearer quell_abc')).toEqual({ kind: 'refused', reason: 'invalid' });
});

test('while the provider is away tokens cannot be judged: 503, not 401; afterwards they can', async () => {
  const both = withOidc(keys, { issuer, audience: 'quell' });
  const header = `Bearer ${await token()}`;
  away = true;
  await expect(both.authenticate(header)).rejects.toMatchObject({ problem: { status: 503 } });
  away = false;
  expect(await both.authenticate(header)).toMatchObject({ kind: 'accepted' });
  const elsewhere = withOidc(keys, { issuer: `${issuer}/other`, audience: 'quell' });
  await expect(elsewhere.authenticate(header)).rejects.toMatchObject({ problem: { status: 503 } });
});
