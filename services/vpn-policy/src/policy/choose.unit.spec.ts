import fc from 'fast-check';
import { meansDevice, policiesFor, type ReadyAssignment, readyAssignment } from './choose.ts';

type Device = { readonly group?: string; readonly tag?: string };
type Assignment = ReadyAssignment<Device>;

const anyDevice: fc.Arbitrary<Device> = fc.record(
  { group: fc.constantFrom('a', 'b', 'c'), tag: fc.constantFrom('x', 'y') },
  { requiredKeys: [] },
);
const anyAssignments: fc.Arbitrary<Assignment[]> = fc.uniqueArray(
  fc.record({
    policyId: fc.constantFrom('1', '2', '3', '4', '5', '6'),
    priority: fc.nat(2),
    since: fc.constantFrom('2026-01-01T00:00:00.000Z', '2026-01-01T01:00:00.000+00:00', '2026-02-01T00:00:00.000Z'),
    groups: fc.subarray(['a', 'b', 'c']).map((groups) => new Set(groups)),
    queries: fc.subarray(['x', 'y']).map((tags) => tags.map((tag) => (device: Device) => device.tag === tag)),
    everyone: fc.boolean(),
  }),
  { selector: ({ policyId }) => policyId },
);
const idsOf = (device: Device | undefined, assignments: Assignment[]) =>
  policiesFor(device, assignments).map(({ assignment }) => assignment.policyId);

test('law: which policy holds does not depend on the order in which they are known', () => {
  fc.assert(
    fc.property(anyDevice, anyAssignments, fc.func(fc.nat()), (device, assignments, key) => {
      const shuffled = [...assignments].sort((a, b) => key(a.policyId) - key(b.policyId));
      expect(idsOf(device, shuffled)).toEqual(idsOf(device, assignments));
    }),
  );
});

test('law: the one that holds beats each other one alone, and the others are told in the order in which they would follow', () => {
  fc.assert(
    fc.property(anyDevice, anyAssignments, (device, assignments) => {
      const [first, ...others] = policiesFor(device, assignments);
      for (const other of others) {
        expect(policiesFor(device, [other.assignment, first!.assignment])[0]).toEqual(first);
      }
      const rest = assignments.filter((one) => one !== first?.assignment);
      expect(policiesFor(device, rest)).toEqual(others);
    }),
  );
});

test('law: a policy is for a device exactly when its group, a query or everyone is meant', () => {
  fc.assert(
    fc.property(anyDevice, anyAssignments, (device, assignments) => {
      for (const assignment of assignments) {
        const meant =
          assignment.everyone ||
          (device.group !== undefined && assignment.groups.has(device.group)) ||
          assignment.queries.some((means) => means(device));
        expect(meansDevice(assignment, device) !== undefined).toBe(meant);
      }
    }),
  );
});

const one = (policyId: string, more: Partial<Assignment> = {}): Assignment => ({
  policyId,
  priority: 0,
  since: '2026-01-01T00:00:00.000Z',
  groups: new Set(['a']),
  queries: [],
  everyone: false,
  ...more,
});
const nobody = new Set<string>();
const later = '2026-02-01T00:00:00.000Z';
const everyone = { groups: nobody, everyone: true };
const byQuery = { groups: nobody, queries: [() => true] };

test.each<[string, Assignment, Assignment]>([
  [
    'what means the device before what is for everyone, whatever its priority',
    one('9'),
    one('1', { ...everyone, priority: 9 }),
  ],
  ['the greater priority before a group', one('9', { ...byQuery, priority: 1 }), one('1')],
  ['a group before a query', one('9', { since: later }), one('1', byQuery)],
  ['what has been assigned for longer', one('9'), one('1', { since: later })],
  ['the lesser id at last', one('1'), one('9')],
])('of two policies for a device the first holds: %s', (_, winner, loser) => {
  expect(idsOf({ group: 'a' }, [loser, winner])).toEqual([winner.policyId, loser.policyId]);
});

test('a device that nobody told of has the policies for everyone only', () => {
  const ready = readyAssignment<Device>(
    '1',
    { priority: 0, groups: ['a'], queries: [{} as never], everyone: false, since: later },
    () => () => true,
  );
  expect(idsOf(undefined, [ready, one('2', everyone)])).toEqual(['2']);
  expect(idsOf({}, [ready])).toEqual(['1']);
});
