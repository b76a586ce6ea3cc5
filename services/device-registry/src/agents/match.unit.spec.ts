import fc from 'fast-check';
import { type AgentNaming, type Candidate, type MatchFacts, matchAgent } from './match.ts';

const agent: AgentNaming = { agentId: 'a', endpointId: 'endpoint', hostname: 'Desk-7', macs: ['00:00:5e:00:53:01'] };
const candidate = (deviceId: string, more: Partial<Candidate> = {}): Candidate => ({
  deviceId,
  hostnames: ['desk-7.'],
  macs: ['00:00:5e:00:53:01'],
  hasOtherAgent: false,
  ...more,
});
const nothing: MatchFacts = { byMac: [], byHostname: [] };

test('the device that is stated comes first, then the one it is on, then that of its endpoint', () => {
  const facts = { linked: 'L', linkedEndpoint: 'E', byMac: [candidate('M')], byHostname: [candidate('H')] };
  expect(matchAgent({ ...agent, deviceId: 'D' }, facts)).toEqual({ kind: 'matched', deviceId: 'D', by: 'device-id' });
  expect(matchAgent(agent, facts)).toEqual({ kind: 'matched', deviceId: 'L', by: 'link' });
  expect(matchAgent(agent, { ...facts, linked: undefined })).toEqual({
    kind: 'matched',
    deviceId: 'E',
    by: 'endpoint',
  });
});

test('an id that no device has or can get tells nothing: the agent stays where it is, else people choose', () => {
  const facts = { statesNone: true, byMac: [candidate('M')], byHostname: [candidate('H')] };
  const lost = { ...agent, deviceId: 'jobs' };
  expect(matchAgent(lost, { ...facts, linked: 'L' })).toMatchObject({ deviceId: 'L', by: 'link' });
  expect(matchAgent(lost, { ...facts, linkedEndpoint: 'E' })).toMatchObject({ deviceId: 'E', by: 'endpoint' });
  expect(matchAgent(lost, facts)).toEqual({
    kind: 'unresolved',
    candidates: ['M'],
    reason: 'it states the id "jobs", which no device has or can get',
  });
  expect(matchAgent(lost, { ...facts, byMac: [] })).toMatchObject({ kind: 'unresolved', candidates: ['H'] });
  expect(matchAgent(lost, { ...nothing, statesNone: true })).toMatchObject({ kind: 'unresolved', candidates: [] });
});

test('a MAC that one device has tells it, also against a host name of others', () => {
  const facts = { byMac: [candidate('M')], byHostname: [candidate('H'), candidate('I')] };
  expect(matchAgent(agent, facts)).toEqual({ kind: 'matched', deviceId: 'M', by: 'mac' });
});

test('an adapter that moved is no match: its device has another agent and another name', () => {
  const moved = candidate('M', { hasOtherAgent: true, hostnames: ['lab'] });
  expect(matchAgent(agent, { ...nothing, byMac: [moved] })).toMatchObject({ kind: 'unresolved', candidates: ['M'] });
  const enrolledAnew = candidate('M', { hasOtherAgent: true });
  expect(matchAgent(agent, { ...nothing, byMac: [enrolledAnew] })).toMatchObject({ deviceId: 'M', by: 'mac' });
});

test('a host name tells a device that has no other agent and no other MACs', () => {
  const macless = candidate('H', { macs: [] });
  const taken = candidate('T', { macs: [], hasOtherAgent: true });
  const byHostname = (...all: Candidate[]) => matchAgent(agent, { ...nothing, byHostname: all });
  expect(byHostname(macless)).toMatchObject({ deviceId: 'H', by: 'hostname' });
  expect(byHostname(macless, taken)).toMatchObject({ deviceId: 'H', by: 'hostname' });
  expect(byHostname(candidate('H', { macs: ['02:42:00:00:00:01'] }))).toMatchObject({ deviceId: 'H' });
  expect(byHostname(candidate('H', { macs: ['00:00:5e:00:53:09'] }))).toMatchObject({
    kind: 'unresolved',
    candidates: ['H'],
  });
  expect(byHostname(macless, candidate('I'))).toMatchObject({ kind: 'unresolved', candidates: ['H', 'I'] });
});

test('where nothing is known a device is registered, whose id follows from the endpoint', () => {
  expect(matchAgent(agent, nothing)).toEqual({ kind: 'matched', deviceId: 'endpoint', by: 'registered' });
  const taken = candidate('T', { hasOtherAgent: true });
  expect(matchAgent(agent, { ...nothing, byHostname: [taken] })).toMatchObject({ by: 'registered' });
});

const someCandidates = fc.uniqueArray(
  fc.record({
    deviceId: fc.constantFrom('A', 'B', 'C', 'D'),
    hostnames: fc.subarray(['desk-7', 'lab']),
    macs: fc.subarray(['00:00:5e:00:53:01', '00:00:5e:00:53:02']),
    hasOtherAgent: fc.boolean(),
  }),
  { selector: ({ deviceId }) => deviceId },
);

test('law: an identifier that several devices have never decides, and a match is always one of those that are named', () => {
  fc.assert(
    fc.property(someCandidates, someCandidates, (byMac, byHostname) => {
      const match = matchAgent(agent, { byMac, byHostname });
      const named = [...byMac, ...byHostname].map(({ deviceId }) => deviceId);
      if (match.kind === 'unresolved') {
        expect(match.candidates.length).toBeGreaterThan(0);
        expect(named).toEqual(expect.arrayContaining([...match.candidates]));
        return;
      }
      if (byMac.length > 1) throw new Error('several devices have its MACs, and one was chosen');
      if (match.by === 'mac') expect(match.deviceId).toBe(byMac[0]?.deviceId);
      if (match.by === 'hostname') {
        expect(byHostname.filter(({ hasOtherAgent }) => !hasOtherAgent).map(({ deviceId }) => deviceId)).toEqual([
          match.deviceId,
        ]);
      }
      if (match.by === 'registered') {
        expect(byMac).toEqual([]);
        expect(byHostname.every(({ hasOtherAgent }) => hasOtherAgent)).toBe(true);
      }
    }),
  );
});
