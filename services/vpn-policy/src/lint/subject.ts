import type {
  AppleContext,
  AppleDialect,
  AppleDictionary,
  AppleOutcome,
  AppleReadings,
  AppleRule,
} from '@quell/contracts/vpn-apple';
import type { VpnFinding, VpnWitness } from '@quell/contracts/vpn-lint';
import { connectionClasses } from '../dialects/apple/classes/connection-classes.ts';
import { CLASS_LIMIT, networkClasses, probeAnswers } from '../dialects/apple/classes/network-classes.ts';
import { decideStages } from '../dialects/apple/decide-stages.ts';
import { evaluateApple } from '../dialects/apple/evaluate.ts';
import { appleReadings, type SwitchedReadings } from '../dialects/apple/readings.ts';

/** What is linted: a VPN dictionary that the evaluator can read, under one of the readings. */
export type Subject = {
  readonly payload: AppleDictionary;
  readonly dialect: AppleDialect;
  /** Single points of the dialect that the policy has read otherwise. */
  readonly switched: SwitchedReadings;
};

/** How the subject is read. */
export function readingsOf({ dialect, switched }: Subject): AppleReadings {
  return appleReadings(dialect, switched);
}

/** Checks that would have looked at more classes than the limit. */
export type Undecided = { readonly rule: VpnFinding['rule']; readonly place: string; readonly why: string };

export const tooMany = `more than ${CLASS_LIMIT} classes of contexts`;

/**
 * The context with what the evaluator says in it, under the subject's own reading or all of `dialects`. What the subject has switched holds
 * for its own dialect only.
 */
export function witness(
  { payload, dialect, switched }: Subject,
  context: AppleContext | null,
  dialects: readonly AppleDialect[] = [dialect],
): VpnWitness | null {
  if (context === null) return null;
  const answers = dialects.map((name) => {
    const own = name === dialect ? switched : {};
    const { decision, ruleIndex, paramIndex, reason } = evaluateApple(payload, context, name, own);
    return { dialect: name, decision, ruleIndex, paramIndex, reason };
  });
  return { context, answers };
}

type Case = { readonly outcome: AppleOutcome; readonly context: AppleContext };
const remembered = new WeakMap<AppleDictionary, Map<string, readonly Case[] | null>>();

/** How many rules are looked at, all cases together, to find contexts to show. */
const CASE_LIMIT = 2 ** 20;

/** The first context of all classes of networks and connections in which `wanted` holds; `null`: none, or too many to look at. */
export function contextWhere(
  subject: Subject,
  wanted: (outcome: AppleOutcome, context: AppleContext) => boolean,
): AppleContext | null {
  return casesOf(subject)?.find(({ outcome, context }) => wanted(outcome, context))?.context ?? null;
}

/** Whether there are too many contexts to look at, so that one which is not found may be there all the same. */
export function hasTooManyContexts(subject: Subject): boolean {
  return casesOf(subject) === null;
}

function casesOf(subject: Subject): readonly Case[] | null {
  const { payload } = subject;
  const readings = readingsOf(subject);
  const known = remembered.get(payload) ?? new Map<string, readonly Case[] | null>();
  const key = JSON.stringify(readings);
  const before = known.get(key);
  if (before !== undefined) return before;
  const cases = allCases(payload, readings);
  remembered.set(payload, known.set(key, cases));
  return cases;
}

/** A connection depends on the network only through the rule that it chose and through probes, so one network stands for each of these. */
function allCases(payload: AppleDictionary, readings: AppleReadings): readonly Case[] | null {
  const answers = [probeAnswers.ok, probeAnswers.failed];
  const rules = (payload.OnDemandRules ?? []).map((rule) => ({ rule, readings }));
  const networks = new Map<string, AppleContext>();
  const classes = networkClasses(rules, answers);
  if (classes === null) return null;
  for (const { context, holds } of classes) {
    const key = JSON.stringify([holds.indexOf(true), context.probes]);
    if (!networks.has(key)) networks.set(key, context);
  }
  if (networks.size === 0) return [];
  const limit = CASE_LIMIT / networks.size / (rules.length + 1);
  const connections = connectionClasses([{ payload, readings }], answers, limit);
  if (connections === null) return null;
  return [...networks.values()].flatMap((network) =>
    connections.flatMap((connection) => {
      const context = { ...network, ...connection, probes: { ...connection.probes, ...network.probes } };
      return decideStages(payload, context, readings)
        .outcomes.slice(0, 1)
        .map((outcome) => ({ outcome, context }));
    }),
  );
}

/** How many rules are compared with each other, all findings of a policy together, to find a network that no earlier rule takes. */
const BETWEEN_LIMIT = 2 ** 13;
const spentOn = new WeakMap<AppleDictionary, number>();

/**
 * A network in which `like` holds and `unlike` does not; one that no rule before `index` takes if there is one. `null`: none, or too many
 * classes to look at.
 */
export function networkBetween(
  subject: Subject,
  index: number,
  like: AppleRule,
  unlike: AppleRule | null,
): AppleContext | null {
  const { payload } = subject;
  const readings = readingsOf(subject);
  const both = [like, ...(unlike === null ? [] : [unlike])].map((rule) => ({ rule, readings }));
  const before = (payload.OnDemandRules ?? []).slice(0, index).map((rule) => ({ rule, readings }));
  // Many findings in a policy of many rules would each look at all of them.
  const spent = (spentOn.get(payload) ?? 0) + (before.length + 2) ** 2;
  spentOn.set(payload, spent);
  const classes = (spent > BETWEEN_LIMIT ? null : networkClasses([...both, ...before])) ?? networkClasses(both);
  let second: AppleContext | null = null;
  for (const { context, holds } of classes ?? []) {
    const [first = false, ...others] = holds;
    if (!first || (unlike !== null && others[0] === true)) continue;
    if (!others.includes(true)) return context;
    second ??= context;
  }
  return second;
}

/** The rule without some of its keys. */
export function ruleWithout(rule: AppleRule, ...keys: readonly (keyof AppleRule)[]): AppleRule {
  return { ...Object.fromEntries(Object.entries(rule).filter(([key]) => !keys.includes(key))), Action: rule.Action };
}
