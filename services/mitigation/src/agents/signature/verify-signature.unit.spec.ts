import fc from 'fast-check';
import { signedRequest, type TestAgent, testAgent } from './signing.fixture.ts';
import { MAX_AGE_SECONDS, MAX_AHEAD_SECONDS, type SignedRequest, verifyAgentSignature } from './verify-signature.ts';

const now = new Date('2026-11-23T10:00:00Z');
const secondsFromNow = (seconds: number) => new Date(now.getTime() + seconds * 1000);
let agent: TestAgent;
let stranger: TestAgent;

beforeAll(async () => {
  agent = await testAgent();
  stranger = await testAgent();
});

const verify = (request: SignedRequest) =>
  verifyAgentSignature(request, async (id) => (id === agent.agentId ? agent.publicKeyObject : undefined), now);
const path = '/v1/agents/me/check-in';
const signed = (more: Parameters<typeof signedRequest>[4] = {}, body: string | undefined = '{"bootId":"A"}') =>
  signedRequest(agent, 'POST', path, body, { created: now, ...more });

test('whatever an agent signs as the protocol says is accepted, and tells who signed when', async () => {
  const target = fc
    .tuple(fc.webPath(), fc.option(fc.webQueryParameters(), { nil: undefined }))
    .map(([p, q]) => `${p.startsWith('/') ? p : `/${p}`}${q === undefined ? '' : `?${q}`}`);
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom('GET', 'POST', 'DELETE'),
      target,
      fc.option(fc.json(), { nil: undefined }),
      fc.integer({ min: -MAX_AGE_SECONDS, max: MAX_AHEAD_SECONDS }),
      async (method, uri, body, offset) => {
        const request = signedRequest(agent, method, uri, body, {
          created: secondsFromNow(offset),
          nonce: 'nonce-nonce',
        });
        const verdict = await verify(request);
        expect(verdict).toEqual({
          ok: true,
          agentId: agent.agentId,
          nonce: 'nonce-nonce',
          created: secondsFromNow(offset),
        });
      },
    ),
  );
});

test('one changed byte of the body is refused', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(13), fc.integer({ min: 1, max: 255 }), async (place, difference) => {
      const request = signed();
      const body = Buffer.from(request.body ?? []);
      body[place] = body[place]! ^ difference;
      expect(await verify({ ...request, body })).toMatchObject({ ok: false });
    }),
  );
});

test.each<[string, (request: SignedRequest) => SignedRequest]>([
  ['another method', (request) => ({ ...request, method: 'PUT' })],
  ['another path', (request) => ({ ...request, target: '/v1/agents/me/tasks' })],
  ['a query that was not signed', (request) => ({ ...request, target: `${path}?a=1` })],
  ['a path in another case', (request) => ({ ...request, target: path.toUpperCase() })],
  ['no body', (request) => ({ ...request, body: Buffer.from('{}') })],
  ['no headers at all', (request) => ({ ...request, rawHeaders: [] })],
  [
    'a second digest',
    (request) => ({ ...request, rawHeaders: [...request.rawHeaders, 'Content-Digest', 'sha-256=:AAAA:'] }),
  ],
  [
    'a second signature',
    (request) => ({ ...request, rawHeaders: [...request.rawHeaders, 'Signature', 'quell=:AAAA:'] }),
  ],
])('%s is refused', async (_, change) => {
  expect(await verify(signed())).toMatchObject({ ok: true });
  expect(await verify(change(signed()))).toMatchObject({ ok: false });
});

test('a body whose digest was not signed is refused, even when the digest fits', async () => {
  expect(await verify(signed({ components: ['@method', '@path', '@query'] }))).toMatchObject({ ok: false });
});

test.each([
  ['the method', ['@path', '@query', 'content-digest']],
  ['the path', ['@method', '@query', 'content-digest']],
  ['the query', ['@method', '@path', 'content-digest']],
])('a signature that leaves out %s is refused', async (_, components) => {
  expect(await verify(signed({ components }))).toMatchObject({ ok: false });
});

test('the signature of another key is refused, under its own name and under ours', async () => {
  const theirs = (keyid: string) => signedRequest(stranger, 'POST', path, '{}', { created: now, keyid });
  expect(await verify(theirs(stranger.agentId))).toMatchObject({ ok: false });
  expect(await verify(theirs(agent.agentId))).toMatchObject({ ok: false });
});

test('a signature outside the window is refused', async () => {
  expect(await verify(signed({ created: secondsFromNow(-MAX_AGE_SECONDS - 1) }))).toMatchObject({ ok: false });
  expect(await verify(signed({ created: secondsFromNow(MAX_AHEAD_SECONDS + 1) }))).toMatchObject({ ok: false });
});

test('another label, and a nonce too short to be one, are refused', async () => {
  expect(await verify(signed({ label: 'other' }))).toMatchObject({ ok: false });
  expect(await verify(signed({ nonce: '1' }))).toMatchObject({ ok: false, reason: 'nonce' });
});

test('a key that cannot be looked up is a fault of ours, not of the caller', async () => {
  const lookup = verifyAgentSignature(signed(), () => Promise.reject(new Error('no database')), now);
  await expect(lookup).rejects.toThrow('no database');
});
