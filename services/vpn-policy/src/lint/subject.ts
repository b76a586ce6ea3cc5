import type { AppleContext, AppleDialect, AppleOutcome, ApplePayload, AppleRule } from '@quell/contracts/vpn-apple';
import type { VpnFinding, VpnWitness } from '@quell/contracts/vpn-lint';
import { connectionClasses, connectionCount } from '../dialects/apple/classes/connection-classes.ts';
import { CLASS_LIMIT, networkClasses, probeAnswers } from '../dialects/apple/classes/network-classes.ts';
import { decideStages } from '../dialects/apple/decide-stages.ts';
import { evaluateApple } from '../dialects/apple/evaluate.ts';
import { appleReadings } from '../dialects/apple/readings.ts';

/** What is linted: a VPN dictionary that the evaluator can read, under one of the readings. */
export type Subject = { readonly payload: ApplePayload; readonly dialect: AppleDialect };

/** Checks that would have looked at more classes than the limit. */
export type Undecided = { readonly rule: VpnFinding['rule']; readonly place: string; readonly why: string };

export const tooMany = `more than ${CLASS_LIMIT} classes of contexts`;

/** The context with what the evaluator says in it, under the subject's own reading or all of `dialects`. */
export function witness(
  { payload, dialect }: Subject,
  context: AppleContext | null,
  dialects: readonly AppleDialect[] = [dialect],
): VpnWitness | null {
  if (context === null) return null;
  const answers = dialects.map((name) => {
    const { decision, ruleIndex, paramIndex, reason } = evaluateApple(payload, context, name);
    return { dialect: name, decision, ruleIndex, paramIndex, reason };
  });
  return { context, answers };
}

const answers = [probeAnswers.ok, probeAnswers.failed];
const remembered = new WeakMap<Subject, readonly AppleContext[]>();

/** One network for each rule that can be chosen and each answer of the probes; a connection depends on nothing else of it. */
function chosenNetworks(subject: Subject): readonly AppleContext[] {
  const before = remembered.get(subject);
  if (before !== undefined) return before;
  const readings = appleReadings(subject.dialect);
  const kinds = new Map<string, AppleContext>();
  const rules = (subject.payload.OnDemandRules ?? []).map((rule) => ({ rule, readings }));
  for (const { context, holds } of networkClasses(rules, answers) ?? []) {
    const key = JSON.stringify([holds.indexOf(true), context.probes]);
    if (!kinds.has(key)) kinds.set(key, context);
  }
  remembered.set(subject, [...kinds.values()]);
  return [...kinds.values()];
}

/** The first context of all classes of networks and connections in which `wanted` holds; `null`: none, or too many to look at. */
export function contextWhere(
  subject: Subject,
  wanted: (outcome: AppleOutcome, context: AppleContext) => boolean,
): AppleContext | null {
  const { payload, dialect } = subject;
  const readings = appleReadings(dialect);
  const networks = chosenNetworks(subject);
  const read = [{ payload, readings }];
  if (networks.length * connectionCount(read, answers.length) > CLASS_LIMIT) return null;
  const connections = connectionClasses(read, answers);
  for (const context of networks) {
    for (const connection of connections) {
      const whole = { ...context, ...connection, probes: { ...connection.probes, ...context.probes } };
      const found = decideStages(payload, whole, readings).outcomes[0];
      if (found !== undefined && wanted(found, whole)) return whole;
    }
  }
  return null;
}

/**
 * A network in which `like` holds and `unlike` does not; one that no rule before `index` takes if there is one. `null`: none, or too many
 * classes to look at.
 */
export function networkBetween(
  { payload, dialect }: Subject,
  index: number,
  like: AppleRule,
  unlike: AppleRule | null,
): AppleContext | null {
  const readings = appleReadings(dialect);
  const both = [like, ...(unlike === null ? [] : [unlike])].map((rule) => ({ rule, readings }));
  const before = (payload.OnDemandRules ?? []).slice(0, index).map((rule) => ({ rule, readings }));
  const classes = networkClasses([...both, ...before]) ?? networkClasses(both);
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
