import { assertNever } from '@quell/contracts/vocabulary';
import type { AppleContext, AppleDialect, AppleDictionary, AppleOutcome } from '@quell/contracts/vpn-apple';
import type { VpnDiffAnswer } from '@quell/contracts/vpn-diff';
import { connectionClasses, type ReadPayload, required } from '../dialects/apple/classes/connection-classes.ts';
import { CLASS_LIMIT, networkClasses, probeAnswers } from '../dialects/apple/classes/network-classes.ts';
import { decideStages } from '../dialects/apple/decide-stages.ts';
import { appleReadings, type SwitchedReadings } from '../dialects/apple/readings.ts';
import { Differences } from './differences.ts';

/** A policy, and the reading that it is compared under. */
export type DiffSide = {
  readonly payload: AppleDictionary;
  readonly dialect: AppleDialect;
  readonly readings?: SwitchedReadings | undefined;
};

const answers = Object.values(probeAnswers);

/**
 * Compares two policies, or one under two dialects, by what they do to the tunnel in every class of contexts that either can tell
 * apart. Ignore, no trigger and disabled all leave it alone, and count as the same. For each pair of outcomes that differ: one context.
 */
export function diffApple(left: DiffSide, right: DiffSide, limit: number = CLASS_LIMIT): VpnDiffAnswer {
  const reads: ReadPayload[] = [left, right].map(({ payload, dialect, readings }) => ({
    payload,
    readings: appleReadings(dialect, readings),
  }));
  const rules = reads.flatMap(({ payload, readings }) =>
    (payload.OnDemandRules ?? []).map((rule) => ({ rule, readings })),
  );
  const networks = networkClasses(rules, answers, limit);
  if (networks === null) return { result: 'undecided', limit };
  const outcomesIn = (context: AppleContext) => reads.map((read) => outcomeOf(read, context));

  // A connection depends on the network only through the rule that it chose, and through probes that both stages ask for.
  const shared = required(reads).urls;
  const kinds = new Map<string, { context: AppleContext; count: number }>();
  for (const { context } of [...networks, ...ends]) {
    const key = JSON.stringify([outcomesIn(context), shared.map((url) => context.probes?.[url])]);
    const kind = kinds.get(key) ?? { context, count: 0 };
    kind.count += 1;
    kinds.set(key, kind);
  }
  const connections = connectionClasses(reads, answers, limit / kinds.size);
  if (connections === null) return { result: 'undecided', limit };

  const differences = new Differences<AppleOutcome, AppleContext>();
  for (const { context, count } of kinds.values()) {
    for (const connection of connections) {
      const whole = { ...context, ...connection, probes: { ...connection.probes, ...context.probes } };
      const [one, other] = outcomesIn(whole) as [AppleOutcome, AppleOutcome];
      differences.add(one, other, effect(one) === effect(other), whole, count);
    }
  }
  return differences.answer();
}

/** Where rules are not looked at: no class of networks, but contexts all the same. */
const ends: readonly { readonly context: AppleContext }[] = [
  {
    context: {
      vpn: 'disconnected',
      network: { interface: null, ssid: null, searchDomains: [], dnsServers: [], primaryIsVirtual: false },
    },
  },
  {
    context: {
      vpn: 'connected',
      network: { interface: 'Other', ssid: null, searchDomains: [], dnsServers: [], primaryIsVirtual: true },
    },
  },
];

/** Complete contexts leave one outcome. */
function outcomeOf({ payload, readings }: ReadPayload, context: AppleContext): AppleOutcome {
  const [outcome, ...others] = decideStages(payload, context, readings).outcomes;
  if (outcome === undefined || others.length > 0) throw new Error('a class of contexts is not decided');
  return outcome;
}

/** What a decision does to the tunnel. */
function effect({ decision }: AppleOutcome): 'starts' | 'stops' | 'leaves' | 'waits' {
  switch (decision) {
    case 'connect':
    case 'always':
      return 'starts';
    case 'disconnect':
      return 'stops';
    case 'ignore':
    case 'no-trigger':
    case 'disabled':
    case 'not-evaluated':
      return 'leaves';
    case 'pending':
    case 'evaluate':
    case 'unknown':
      return 'waits';
    default:
      return assertNever(decision);
  }
}
