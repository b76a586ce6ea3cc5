import fc from 'fast-check';
import { type AliasedEndpoint, decideEnrolment, type EnrolmentFacts, type KnownAgent } from './decide-enrolment.ts';

const now = new Date('2026-11-23T10:00:00Z');
const token = { expiresAt: new Date('2026-11-23T11:00:00Z'), maxUses: 2, uses: 0, replacesAgentId: null };
const enrolled = (agentId: string, endpointId: string, more: Partial<KnownAgent> = {}): KnownAgent => ({
  agentId,
  endpointId,
  enrolmentId: `enrolment of ${agentId}`,
  status: 'active',
  ...more,
});
const endpoint = (endpointId: string, agentId: string | null, deviceId: string | null = null): AliasedEndpoint => ({
  endpointId,
  agentId,
  deviceId,
});
const facts = (more: Partial<EnrolmentFacts>): EnrolmentFacts => ({
  agentId: 'new',
  enrolmentId: 'e1',
  deviceId: undefined,
  now,
  token,
  own: undefined,
  enrolmentHolder: undefined,
  replaceable: undefined,
  endpoints: [],
  ...more,
});

test('an unknown machine gets a new endpoint with its deviceId', () => {
  expect(decideEnrolment(facts({}))).toEqual({ kind: 'bind', first: true });
  expect(decideEnrolment(facts({ deviceId: 'D1' }))).toEqual({ kind: 'bind', deviceId: 'D1', first: true });
});

test('a known device without an agent gets its first', () => {
  const decision = decideEnrolment(facts({ deviceId: 'D1', endpoints: [endpoint('E1', null, 'D1')] }));
  expect(decision).toEqual({ kind: 'bind', endpointId: 'E1', deviceId: 'D1', first: true });
});

test('a device that another agent holds is refused, unless the token replaces that agent', () => {
  const held = { deviceId: 'D1', endpoints: [endpoint('E1', 'old', 'D1')] };
  expect(decideEnrolment(facts(held)).kind).toBe('conflict');
  const replacing = { token: { ...token, replacesAgentId: 'old' }, replaceable: enrolled('old', 'E1') };
  expect(decideEnrolment(facts({ ...held, ...replacing }))).toEqual({
    kind: 'bind',
    endpointId: 'E1',
    deviceId: 'D1',
    replacedAgentId: 'old',
    first: false,
  });
  const other = { token: { ...token, replacesAgentId: 'third' }, replaceable: enrolled('third', 'E3') };
  const endpoints = [...held.endpoints, endpoint('E3', 'third')];
  expect(decideEnrolment(facts({ ...held, ...other, endpoints })).kind).toBe('conflict');
});

test('replacesAgentId is enough to find the endpoint of a machine without a deviceId', () => {
  const decision = decideEnrolment(
    facts({
      token: { ...token, replacesAgentId: 'old' },
      replaceable: enrolled('old', 'E1'),
      endpoints: [endpoint('E1', 'old')],
    }),
  );
  expect(decision).toEqual({ kind: 'bind', endpointId: 'E1', replacedAgentId: 'old', first: false });
});

test('the agent that was replaced cannot take its endpoint back with an ordinary token', () => {
  const decision = decideEnrolment(
    facts({ agentId: 'old', own: enrolled('old', 'E1', { status: 'replaced' }), endpoints: [endpoint('E1', 'young')] }),
  );
  expect(decision.kind).toBe('conflict');
});

test('the same enrolmentId and key again is the same enrolment, even when its token is used up or gone', () => {
  const own = enrolled('new', 'E1', { enrolmentId: 'e1' });
  const again = { own, enrolmentHolder: own, endpoints: [endpoint('E1', 'new')] };
  for (const spent of [token, { ...token, uses: 2 }, { ...token, expiresAt: now }, undefined]) {
    expect(decideEnrolment(facts({ ...again, token: spent }))).toEqual({ kind: 'same', endpointId: 'E1' });
  }
});

test('a key that enrols anew keeps its endpoint, and is not its first agent', () => {
  const decision = decideEnrolment(facts({ own: enrolled('new', 'E1'), endpoints: [endpoint('E1', 'new')] }));
  expect(decision).toEqual({ kind: 'bind', endpointId: 'E1', first: false });
});

test('an enrolmentId that another key used is a conflict', () => {
  expect(decideEnrolment(facts({ enrolmentHolder: enrolled('other', 'E1', { enrolmentId: 'e1' }) })).kind).toBe(
    'conflict',
  );
});

test.each([
  ['no token', undefined],
  ['an expired token', { ...token, expiresAt: now }],
  ['a used up token', { ...token, uses: 2 }],
])('%s gets the same refusal, whatever else is wrong: it tells nothing about who is enrolled', (_, bad) => {
  const known = { token: bad, deviceId: 'D1', endpoints: [endpoint('E1', 'old', 'D1')] };
  expect(decideEnrolment(facts(known))).toEqual({ kind: 'unauthenticated' });
  expect(decideEnrolment(facts({ ...known, endpoints: [] }))).toEqual({ kind: 'unauthenticated' });
});

test('an endpoint never changes hands but with the consent of the token', () => {
  const name = fc.constantFrom('a', 'b', 'c');
  const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
  const anyEndpoints = fc.uniqueArray(
    fc.record({
      endpointId: fc.constantFrom('E1', 'E2', 'E3'),
      agentId: fc.option(name),
      deviceId: fc.option(fc.constantFrom('D1', 'D2')),
    }),
    { selector: ({ endpointId }) => endpointId },
  );
  const anyAgent = fc.record({
    agentId: name,
    endpointId: fc.constantFrom('E1', 'E2', 'E3'),
    enrolmentId: fc.constantFrom('e1', 'e2'),
    status: fc.constantFrom('active' as const, 'replaced' as const, 'revoked' as const),
  });
  fc.assert(
    fc.property(
      anyEndpoints,
      maybe(anyAgent),
      maybe(anyAgent),
      maybe(fc.constantFrom('D1', 'D2')),
      fc.option(name),
      (endpoints, own, replaceable, deviceId, replacesAgentId) => {
        const decision = decideEnrolment(
          facts({
            agentId: 'a',
            endpoints,
            deviceId,
            own: own && { ...own, agentId: 'a' },
            token: { ...token, replacesAgentId },
            replaceable:
              replacesAgentId === null ? undefined : replaceable && { ...replaceable, agentId: replacesAgentId },
          }),
        );
        if (decision.kind !== 'bind') return;
        const target = endpoints.find(({ endpointId }) => endpointId === decision.endpointId);
        const holder = target?.agentId ?? null;
        if (holder !== null && holder !== 'a') expect(holder).toBe(replacesAgentId);
        expect(decision.replacedAgentId ?? null).toBe(holder === 'a' ? null : holder);
        const deviceHolder = endpoints.find((one) => one.deviceId === deviceId);
        if (deviceId !== undefined && deviceHolder !== undefined)
          expect(decision.endpointId).toBe(deviceHolder.endpointId);
      },
    ),
    { numRuns: 3000 },
  );
});
