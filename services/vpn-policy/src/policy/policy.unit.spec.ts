import type { VpnAssignment } from '@quell/contracts/vpn-policy-events';
import fc from 'fast-check';
import { decide, type PolicyCommand } from './decide.ts';
import { after, contentWith, drafted, folded } from './policy.fixture.ts';
import { contentOf, type Policy, versionInForce } from './policy.ts';

const reason = 'because';
const publish = (errors: readonly string[] = [], accepted: readonly string[] = []) =>
  ({ type: 'publish', errors, accepted, reason }) as const;
const edit = (action: 'Connect' | 'Disconnect' | 'Ignore', name = 'Laptops') =>
  ({ type: 'edit', name, content: contentWith(action), reason }) as const;
const rollBack = (to: number) => ({ type: 'roll-back', to, reason }) as const;
const assign = (assignment: Partial<VpnAssignment>): PolicyCommand => ({
  type: 'assign',
  assignment: { priority: 0, groups: [], queries: [], everyone: false, ...assignment },
  reason,
});
const retire = { type: 'retire', reason } as const;
const said = (policy: Policy | undefined) =>
  policy === undefined ? undefined : contentOf(policy, versionInForce(policy)?.number ?? 0);

test('given a draft, when it is published, then version 1 says what the draft said, who published it and why', () => {
  const { policy } = after(drafted('Connect'), publish());
  expect(policy).toMatchObject({
    state: 'published',
    versions: [{ number: 1, source: 1, publishedBy: 'key:1 (ann)', reason, acceptedFindings: [] }],
  });
  expect(said(policy)).toEqual(contentWith('Connect'));
});

test('given a published policy, when its draft is edited, then what is in force stays until the draft is published', () => {
  const edited = after(drafted('Connect'), publish(), edit('Ignore')).policy;
  expect([edited?.draft, said(edited)]).toEqual([contentWith('Ignore'), contentWith('Connect')]);
  expect(said(after(drafted('Connect'), publish(), edit('Ignore'), publish()).policy)).toEqual(contentWith('Ignore'));
});

test('errors of lint keep a draft from being published unless each of their rules is accepted, which is recorded', () => {
  expect(
    decide(after(drafted('Connect')).policy, publish(['WRONG_TYPE', 'UNKNOWN_ENUM'], ['WRONG_TYPE'])),
  ).toMatchObject({
    kind: 'refused',
    problem: 'unprocessable',
    detail: expect.stringContaining('UNKNOWN_ENUM'),
  });
  const { policy } = after(drafted('Connect'), publish(['WRONG_TYPE', 'WRONG_TYPE'], ['WRONG_TYPE', 'NOT_FOUND']));
  expect(policy?.versions[0]?.acceptedFindings).toEqual(['WRONG_TYPE']);
});

test('when it is rolled back, then a new version says what the old one said and points to it; the draft stays', () => {
  const { policy } = after(drafted('Connect'), publish(), edit('Ignore'), publish(), rollBack(1));
  expect(policy?.versions.at(-1)).toMatchObject({ number: 3, source: 1, restores: 1 });
  expect([said(policy), policy?.draft]).toEqual([contentWith('Connect'), contentWith('Ignore')]);
  const forth = after(drafted('Connect'), publish(), edit('Ignore'), publish(), rollBack(1), rollBack(2)).policy;
  expect([forth?.versions.at(-1)?.restores, said(forth)]).toEqual([2, contentWith('Ignore')]);
});

test.each<[string, string, PolicyCommand[]]>([
  ['there is no such policy', 'not-found', [publish()]],
  ['it was drafted before', 'conflict', [drafted('Connect'), drafted('Connect')]],
  ['the draft is in force already', 'conflict', [drafted('Connect'), publish(), publish()]],
  ['nothing was ever published', 'not-found', [drafted('Connect'), rollBack(1)]],
  ['there is no such version', 'not-found', [drafted('Connect'), publish(), rollBack(2)]],
  ['the version is in force', 'conflict', [drafted('Connect'), publish(), rollBack(1)]],
  ['it is retired', 'conflict', [drafted('Connect'), retire, edit('Ignore')]],
])('a command is refused when %s', (_, problem, commands) => {
  expect(after(...commands).refusals).toEqual([problem]);
});

test('an assignment counts from when the policy was first for any device; an empty one ends it', () => {
  const twice = after(drafted('Connect'), assign({ groups: ['a'] }), assign({ groups: ['b'] }));
  expect(twice.policy?.assignment).toMatchObject({ groups: ['b'], since: twice.events[1]?.recordedAt });
  expect(after(drafted('Connect'), assign({ groups: ['a'] }), assign({})).policy?.assignment).toBeUndefined();
  const again = after(drafted('Connect'), assign({ groups: ['a'] }), assign({}), assign({ groups: ['a'] }));
  expect(again.policy?.assignment?.since).toBe(again.events[3]?.recordedAt);
  const retired = after(drafted('Connect'), publish(), assign({ everyone: true }), retire).policy;
  expect([retired?.state, retired?.assignment]).toEqual(['retired', undefined]);
});

const action = fc.constantFrom('Connect' as const, 'Disconnect' as const, 'Ignore' as const);
const errors = fc.subarray(['WRONG_TYPE', 'UNKNOWN_ENUM']);
const anyCommand: fc.Arbitrary<PolicyCommand> = fc.oneof(
  action.map((one) => edit(one)),
  fc.tuple(errors, errors).map(([found, accepted]) => publish(found, accepted)),
  fc.integer({ min: 1, max: 5 }).map(rollBack),
  fc.record({ groups: fc.subarray(['a', 'b']), everyone: fc.boolean(), priority: fc.nat(2) }).map(assign),
  { weight: 1, arbitrary: fc.constant(retire) },
);
const anyCommands = fc
  .tuple(action, fc.array(anyCommand, { maxLength: 20 }))
  .map(([first, others]): PolicyCommand[] => [drafted(first), ...others]);

test('law: the fold of the events is the state, whatever was wanted', () => {
  fc.assert(
    fc.property(anyCommands, (commands) => {
      const { policy, events } = after(...commands);
      expect(folded(events)).toEqual(policy);
    }),
  );
});

test('law: a version never changes after its publication, and versions are numbered without a gap', () => {
  fc.assert(
    fc.property(anyCommands, (commands) => {
      const published = new Map<number, unknown>();
      for (let length = 1; length <= commands.length; length++) {
        const { policy } = after(...commands.slice(0, length));
        expect(policy?.versions.map(({ number }) => number)).toEqual(policy?.versions.map((_, index) => index + 1));
        for (const version of policy?.versions ?? []) {
          const seen = JSON.stringify([version, contentOf(policy!, version.number)]);
          expect(published.get(version.number) ?? seen).toBe(seen);
          published.set(version.number, seen);
        }
      }
    }),
    { numRuns: 50 },
  );
});

test('law: what is published was without errors but those accepted, and a retired policy is for nobody for ever', () => {
  fc.assert(
    fc.property(anyCommands, anyCommand, (commands, last) => {
      const { policy } = after(...commands);
      const decision = decide(policy, last);
      if (policy?.state === 'retired') {
        expect([decision.kind, policy.assignment]).toEqual(['refused', undefined]);
      } else if (last.type === 'publish' && decision.kind === 'accepted') {
        expect(last.errors.filter((rule) => !last.accepted.includes(rule))).toEqual([]);
      }
    }),
  );
});

test('law: a command that was accepted says nothing new when it comes again, or is refused', () => {
  fc.assert(
    fc.property(anyCommands, anyCommand, (commands, last) => {
      const once = after(...commands, last);
      const twice = after(...commands, last, last);
      expect(twice.policy).toEqual(once.policy);
    }),
  );
});
