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

/** The first context of all classes of networks and connections in which `wanted` holds; `null`: none, or too many to look at. */
export function contextWhere(
  { payload, dialect }: Subject,
  wanted: (outcome: AppleOutcome, context: AppleContext) => boolean,
): AppleContext | null {
  const readings = appleReadings(dialect);
  const read = [{ payload, readings }];
  const answers = [probeAnswers.ok, probeAnswers.failed];
  const networks = networkClasses(
    (payload.OnDemandRules ?? []).map((rule) => ({ rule, readings })),
    answers,
  );
  if (networks === null || connectionCount(read, answers.length) > CLASS_LIMIT) return null;
  const outcome = (context: AppleContext) => decideStages(payload, context, readings).outcomes[0];
  const connections = connectionClasses(read, answers);
  const tried = new Set<string>();
  for (const { context } of networks) {
    // A connection depends on the network only through the rule that it chose and the probes.
    const key = JSON.stringify([outcome(context), context.probes]);
    if (tried.has(key)) continue;
    tried.add(key);
    for (const connection of connections) {
      const whole = { ...context, ...connection, probes: { ...connection.probes, ...context.probes } };
      const found = outcome(whole);
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
