import fc from 'fast-check';
import { type IdentifierKind, identifierKinds, identifiersOf, type Naming } from './identifiers.ts';
import { type KnownEndpoint, type MatchFacts, matchHint } from './match.ts';

const uuid = (n: number) => `00000000-0000-7000-8000-${String(n).padStart(12, '0')}`;
const agent = (n: number) => String(n).padStart(43, 'a');
const mac = (n: number) => `00:1b:21:00:00:0${n}`;

const laptop: KnownEndpoint = {
  endpointId: uuid(1),
  agentId: agent(1),
  deviceId: 'D1',
  hostname: 'laptop',
  ips: ['192.0.2.1'],
  macs: [mac(1)],
};
const desk: KnownEndpoint = {
  endpointId: uuid(2),
  agentId: agent(2),
  deviceId: 'D2',
  hostname: 'desk',
  ips: ['192.0.2.2'],
  macs: [mac(2)],
};
const printer: KnownEndpoint = { endpointId: uuid(3), deviceId: 'D3', hostname: 'printer', ips: [], macs: [] };

/** The facts as the loader finds them when every endpoint still holds what it held at the time of the detection. */
function factsOf(hint: Naming, world: readonly KnownEndpoint[]): MatchFacts {
  const given = identifiersOf(hint);
  const named = (kind: IdentifierKind) => ({
    endpoints: world.filter((endpoint) => identifiersOf(endpoint)[kind].some((value) => given[kind].includes(value))),
  });
  return Object.fromEntries(
    identifierKinds.filter((kind) => given[kind].length > 0).map((kind) => [kind, named(kind)]),
  );
}

const match = (hint: Naming, world = [laptop, desk, printer]) => matchHint(hint, factsOf(hint, world));

describe.each<[IdentifierKind, Naming]>([
  ['agentId', { agentId: agent(1) }],
  ['deviceId', { deviceId: 'D1' }],
  ['mac', { macs: [mac(1)] }],
  ['hostname', { hostname: 'LAPTOP' }],
  ['ip', { ips: ['192.0.2.1'] }],
])('by %s alone', (by, hint) => {
  test('the endpoint that holds it is found', () => {
    expect(match(hint)).toMatchObject({ outcome: 'matched', by, endpoint: { endpointId: laptop.endpointId } });
  });
  test('an identifier that nobody holds finds nobody', () => {
    expect(match(hint, [desk, printer])).toEqual({ outcome: 'unknown' });
  });
});

test('a device without an agent is found', () => {
  expect(match({ deviceId: 'D3' })).toMatchObject({ outcome: 'matched', endpoint: { endpointId: printer.endpointId } });
});

test.each<[string, Naming]>([
  ['device ID of one, agentId of another', { agentId: agent(1), deviceId: 'D2' }],
  ['device ID of one, host name of another', { deviceId: 'D1', hostname: 'desk' }],
  ['device ID of one, MAC of another', { deviceId: 'D1', macs: [mac(2)] }],
  ['MAC of one (a dock that moved), host name of another', { macs: [mac(1)], hostname: 'desk' }],
  ['host name of one, IP of another', { hostname: 'laptop', ips: ['192.0.2.2'] }],
  ['MACs of two', { macs: [mac(1), mac(2)] }],
])('ambiguous, with both as candidates: %s', (_, hint) => {
  const result = match(hint);
  expect(result.outcome).toBe('ambiguous');
  const candidates = result.outcome === 'ambiguous' ? result.candidates : [];
  expect(candidates.map(({ endpointId }) => endpointId).sort()).toEqual([laptop.endpointId, desk.endpointId]);
});

test.each<[string, Naming]>([
  ['an unknown agentId', { agentId: agent(9), hostname: 'laptop' }],
  ['an unknown device ID', { deviceId: 'D9', macs: [mac(1)] }],
  ['only unknown MACs', { macs: [mac(9)], hostname: 'laptop' }],
  ['an unknown host name', { hostname: 'somebody-else', ips: ['192.0.2.1'] }],
])('%s beside a weaker identifier of an endpoint that has another one: not that endpoint', (_, hint) => {
  expect(match(hint)).toMatchObject({ outcome: 'ambiguous', candidates: [{ endpointId: laptop.endpointId }] });
});

test.each<[string, Naming]>([
  ['an IP that somebody else holds, beside a device ID', { deviceId: 'D1', ips: ['192.0.2.2'] }],
  ['an IP that somebody else holds, beside a MAC', { macs: [mac(1)], ips: ['192.0.2.2'] }],
  ['a renamed endpoint with a known device ID', { deviceId: 'D1', hostname: 'laptop-new' }],
  ['a new network adapter beside a known device ID', { deviceId: 'D1', macs: [mac(9)] }],
  ['the host name of another beside the agentId', { agentId: agent(1), hostname: 'desk' }],
  [
    'a full name for the bare one of the agent that holds the IP',
    { hostname: 'laptop.example.org', ips: ['192.0.2.1'] },
  ],
])('no contradiction: %s', (_, hint) => {
  expect(match(hint)).toMatchObject({ outcome: 'matched', endpoint: { endpointId: laptop.endpointId } });
});

test('a name that two endpoints have identifies neither, unless an IP tells which', () => {
  const twin = { ...desk, hostname: 'laptop' };
  expect(match({ hostname: 'laptop' }, [laptop, twin]).outcome).toBe('ambiguous');
  expect(match({ hostname: 'laptop', ips: ['192.0.2.2'] }, [laptop, twin])).toMatchObject({
    outcome: 'matched',
    endpoint: { endpointId: twin.endpointId },
  });
});

test('an identifier that too many hold identifies none, and contradicts none', () => {
  const many = { endpoints: [desk, printer], tooMany: true };
  expect(matchHint({ ips: ['172.17.0.1'] }, { ip: many }).outcome).toBe('ambiguous');
  expect(
    matchHint({ deviceId: 'D1', hostname: 'pi' }, { deviceId: { endpoints: [laptop] }, hostname: many }).outcome,
  ).toBe('matched');
  // The holder of the address has another name than the common one.
  expect(
    matchHint({ hostname: 'pi', ips: ['192.0.2.1'] }, { hostname: many, ip: { endpoints: [laptop] } }).outcome,
  ).toBe('ambiguous');
});

const few = <T>(make: (n: number) => T) => fc.integer({ min: 1, max: 4 }).map(make);
const naming = fc.record(
  {
    agentId: few(agent),
    deviceId: few((n) => `D${n}`),
    hostname: few((n) => `host-${n}`),
    ips: fc.uniqueArray(
      few((n) => `192.0.2.${n}`),
      { maxLength: 2 },
    ),
    macs: fc.uniqueArray(few(mac), { maxLength: 2 }),
  },
  { requiredKeys: [] },
);
const worlds = fc.array(naming, { minLength: 1, maxLength: 5 }).map((namings) => {
  const taken = new Set<string>();
  const once = (value: string | undefined) => {
    if (value === undefined || taken.has(value)) return {};
    taken.add(value);
    return value.startsWith('D') ? { deviceId: value } : { agentId: value };
  };
  return namings.map(
    ({ agentId, deviceId, hostname, ips = [], macs = [] }, index): KnownEndpoint => ({
      endpointId: uuid(index),
      ...once(agentId),
      ...once(deviceId),
      ...(hostname === undefined ? {} : { hostname }),
      ips,
      macs,
    }),
  );
});

test('one more identifier never moves a match to another endpoint than the one it names', () => {
  fc.assert(
    fc.property(worlds, naming, fc.constantFrom(...identifierKinds), (world, full, left) => {
      const member = (
        { agentId: 'agentId', deviceId: 'deviceId', hostname: 'hostname', mac: 'macs', ip: 'ips' } as const
      )[left];
      const { [member]: _, ...less } = full;
      const before = match(less, world);
      const after = match(full, world);
      if (before.outcome !== 'matched' || after.outcome !== 'matched') return;
      if (before.endpoint.endpointId === after.endpoint.endpointId) return;
      const named = factsOf(full, world)[left]?.endpoints ?? [];
      expect(named.map(({ endpointId }) => endpointId)).toContain(after.endpoint.endpointId);
      expect(identifierKinds.indexOf(left)).toBeLessThan(identifierKinds.indexOf(before.by));
    }),
    { numRuns: 2000 },
  );
});

test('a matched endpoint never has another agentId or device ID than the hint, but for an agentId that decides', () => {
  fc.assert(
    fc.property(worlds, naming, (world, hint) => {
      const result = match(hint, world);
      if (result.outcome !== 'matched') return;
      const { agentId, deviceId } = result.endpoint;
      if (hint.agentId !== undefined && agentId !== undefined) expect(agentId).toBe(hint.agentId);
      if (result.by !== 'agentId' && hint.deviceId !== undefined && deviceId !== undefined)
        expect(deviceId).toBe(hint.deviceId);
      const facts = factsOf(hint, world);
      expect(facts[result.by]?.endpoints.map(({ endpointId }) => endpointId)).toContain(result.endpoint.endpointId);
    }),
    { numRuns: 2000 },
  );
});

test('what one machine says of itself is never taken for another machine', () => {
  fc.assert(
    fc.property(
      worlds,
      fc.nat(),
      fc.subarray(['agentId', 'deviceId', 'hostname', 'ips', 'macs'] as const),
      (world, pick, members) => {
        const self = world[pick % world.length]!;
        const hint: Naming = Object.fromEntries(members.map((member) => [member, self[member]]));
        const result = match(hint, world);
        if (result.outcome === 'matched') expect(result.endpoint.endpointId).toBe(self.endpointId);
      },
    ),
    { numRuns: 2000 },
  );
});

test('nobody named is unknown, anybody named is a match or a candidate', () => {
  fc.assert(
    fc.property(worlds, naming, (world, hint) => {
      const named = Object.values(factsOf(hint, world)).flatMap(({ endpoints }) => endpoints);
      const result = match(hint, world);
      expect(result.outcome === 'unknown').toBe(named.length === 0);
      if (result.outcome === 'ambiguous') expect(result.candidates.length).toBeGreaterThan(0);
    }),
  );
});
