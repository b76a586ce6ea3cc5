import type { CiscoContext, CiscoOutcome, CiscoProfile, CiscoReadings } from '@quell/contracts/vpn-cisco';
import type { CiscoDiffAnswer } from '@quell/contracts/vpn-diff';
import { domainAtoms } from '../dialects/apple/classes/atoms.ts';
import { classesOf } from '../dialects/apple/classes/dimension.ts';
import { evaluateCisco } from '../dialects/cisco-anyconnect/evaluate.ts';
import { matchesRule, serverHost } from '../dialects/cisco-anyconnect/match.ts';
import { ciscoReadingsWith, type SwitchedCiscoReadings } from '../dialects/cisco-anyconnect/readings.ts';
import { Differences } from './differences.ts';

/**
 * Compares two profiles by when they start the tunnel: every class of hosts that either tells apart, every DNS answer, an iOS before and
 * after Always changed. No trigger, disabled and invalid all start nothing, and count as the same.
 */
export function diffCisco(
  left: CiscoProfile,
  right: CiscoProfile,
  switched: {
    readonly left?: SwitchedCiscoReadings | undefined;
    readonly right?: SwitchedCiscoReadings | undefined;
  } = {},
): CiscoDiffAnswer {
  const sides = [
    { profile: left, readings: ciscoReadingsWith(switched.left) },
    { profile: right, readings: ciscoReadingsWith(switched.right) },
  ];
  const differences = new Differences<CiscoOutcome, CiscoContext>();
  for (const host of hostsOf(sides)) {
    for (const dns of ['resolved', 'nxdomain', 'timeout', 'redirected'] as const) {
      for (const iosMajor of [6, 17]) {
        const context = { host, dns, platform: { iosMajor } };
        const [one, other] = sides.map(({ profile, readings }) => {
          const { decision, reason } = evaluateCisco(profile, context, readings);
          return { decision, reason };
        }) as [CiscoOutcome, CiscoOutcome];
        differences.add(one, other, (one.decision === 'connect') === (other.decision === 'connect'), context);
      }
    }
  }
  return differences.answer();
}

type Side = { readonly profile: CiscoProfile; readonly readings: CiscoReadings };

/** One host per class that the rules and server addresses of the profiles tell apart. */
function hostsOf(sides: readonly Side[]): readonly string[] {
  const profiles = sides.map(({ profile }) => profile);
  const lists = profiles.flatMap(({ Always, Never, IfNeeded, serverAddress }) => [
    Always ?? [],
    Never ?? [],
    IfNeeded ?? [],
    serverAddress === undefined ? [] : [serverHost(serverAddress)],
  ]);
  const texts = lists.flat();
  return classesOf(domainAtoms(texts), (host) =>
    sides.flatMap(({ readings }) => lists.map((rules) => rules.some((rule) => matchesRule(rule, host, readings)))),
  ).map((one) => one.value);
}
