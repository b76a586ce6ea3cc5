import { assertNever } from '@quell/contracts/vocabulary';
import type {
  AppleAnswer,
  AppleContext,
  AppleDialect,
  AppleDictionary,
  AppleOutcome,
  AppleReadings,
  AppleRule,
} from '@quell/contracts/vpn-apple';
import { evaluateApple, tunnelAfter } from '../evaluate.ts';
import { tunnelNeeded } from '../if-needed.ts';
import { hasLists } from '../legacy-lists.ts';
import { isCatchAll } from '../match-rule.ts';
import { probeResult } from '../probe.ts';
import { appleReadings, type SwitchedReadings } from '../readings.ts';
import { compileCriteria, narrow } from './criteria.ts';
import { compileDomains } from './domains.ts';
import { add, firstOf, noRules } from './rule-sets.ts';

/** What is decided, without the why. */
export type AppleBrief = Pick<
  AppleAnswer,
  'decision' | 'ruleIndex' | 'paramIndex' | 'reason' | 'nextVpn' | 'probesIssued'
>;

/** An outcome, or `undefined` where the long way has to answer: an input is unknown, or the three old lists have a say. */
type Short = AppleOutcome | undefined;
type Step = (context: AppleContext, probes: string[]) => Short;

/**
 * Prepares a VPN dictionary for many contexts: rules are folded once, and no explanation is made. It answers what `evaluateApple`
 * answers, which it also asks wherever a context leaves an input open.
 * @param switched single points of the dialect's reading
 */
export function compileApple(
  payload: AppleDictionary,
  dialect: AppleDialect = 'apple-mdm',
  switched: SwitchedReadings = {},
): (context: AppleContext) => AppleBrief {
  const decide = compileStages(payload, appleReadings(dialect, switched));
  return (context) => {
    const probes: string[] = [];
    const outcome = decide(context, probes);
    if (outcome === undefined) return briefOf(evaluateApple(payload, context, dialect, switched));
    const probesIssued = probes.length > 1 ? [...new Set(probes)] : probes;
    return { ...outcome, nextVpn: tunnelAfter(outcome, context), probesIssued };
  };
}

export function briefOf(answer: AppleAnswer): AppleBrief {
  const { decision, ruleIndex, paramIndex, reason, nextVpn, probesIssued } = answer;
  return { decision, ruleIndex, paramIndex, reason, nextVpn, probesIssued };
}

function compileStages(payload: AppleDictionary, readings: AppleReadings): Step {
  const none = { ruleIndex: null, paramIndex: null };
  const always = (outcome: AppleOutcome): Step => {
    return () => outcome;
  };
  if (payload.VPNType === 'AlwaysOn') return always({ decision: 'always', ...none, reason: 'ALWAYS_ON' });
  if (payload.OnDemandEnabled !== 1) return always({ decision: 'disabled', ...none, reason: 'ON_DEMAND_DISABLED' });

  const paused: AppleOutcome = { decision: 'not-evaluated', ...none, reason: 'USER_PAUSED' };
  const noPrimary: AppleOutcome = { decision: 'not-evaluated', ...none, reason: 'NO_PRIMARY_NETWORK' };
  const isVirtual: AppleOutcome = { decision: 'not-evaluated', ...none, reason: 'VIRTUAL_PRIMARY_INTERFACE' };
  const noRule: Short = hasLists(payload) ? undefined : { decision: 'no-trigger', ...none, reason: 'NO_RULE_MATCHED' };
  const rules = payload.OnDemandRules ?? [];
  const actions = rules.map((rule, ruleIndex) => compileAction(payload, rule, ruleIndex, readings));
  const criteria = compileCriteria(rules, readings);
  const all = noRules(rules.length);
  for (const ruleIndex of rules.keys()) add(all, ruleIndex);
  // Both are written anew for each context: nothing else runs in between.
  const [candidates, scratch] = [noRules(rules.length), noRules(rules.length)];
  return (context, probes) => {
    if (readings.manualStopPauses && context.userPaused === true) return paused;
    const { network } = context;
    if (network?.interface === undefined) return undefined;
    if (network.interface === null) return noPrimary;
    if (network.primaryIsVirtual === undefined) return undefined;
    if (network.primaryIsVirtual) return isVirtual;
    candidates.set(all);
    if (!narrow(candidates, criteria, network, scratch)) return undefined;
    for (let index = firstOf(candidates, 0); index !== -1; index = firstOf(candidates, index + 1)) {
      const probe = rules[index]?.URLStringProbe;
      if (probe !== undefined) {
        probes.push(probe);
        const result = probeResult(context.probes, probe);
        if (result === 'unanswered' && readings.unansweredRuleProbe === 'pending') {
          return { decision: 'pending', ruleIndex: index, paramIndex: null, reason: 'PROBE_PENDING' };
        }
        if (result !== 'ok') continue;
      }
      return actions[index]?.(context, probes);
    }
    return noRule;
  };
}

function compileAction(payload: AppleDictionary, rule: AppleRule, ruleIndex: number, readings: AppleReadings): Step {
  const reason = isCatchAll(rule) ? 'RULE_MATCHED_CATCHALL' : 'RULE_MATCHED';
  const matched = (decision: AppleOutcome['decision']): AppleOutcome => ({
    decision,
    ruleIndex,
    paramIndex: null,
    reason,
  });
  const [connect, disconnect, ignore, evaluate] = [
    matched('connect'),
    matched('disconnect'),
    matched('ignore'),
    matched('evaluate'),
  ];
  switch (rule.Action) {
    case 'Connect':
      return ({ connection }) => (readings.neverListStopsConnect && connection !== undefined ? undefined : connect);
    case 'Disconnect':
      return () => disconnect;
    case 'Ignore':
      return () => ignore;
    case 'EvaluateConnection': {
      const decide = compileParameters(rule, ruleIndex, readings);
      return (context, probes) => (context.connection === undefined ? evaluate : decide(context, probes));
    }
    case 'Allow':
      return ({ connection }) => (connection === undefined && hasLists(payload) ? evaluate : undefined);
    default:
      return assertNever(rule.Action);
  }
}

/** Stage 2. */
function compileParameters(rule: AppleRule, ruleIndex: number, readings: AppleReadings): Step {
  const parameters = (rule.ActionParameters ?? []).flatMap((parameter, paramIndex) => {
    const domains = parameter.Domains ?? [];
    if (domains.length === 0) return [];
    return [{ parameter, paramIndex, matches: compileDomains(domains, readings.host, readings) }];
  });
  const noParameter: AppleOutcome = {
    decision: 'no-trigger',
    ruleIndex,
    paramIndex: null,
    reason: 'NO_PARAM_MATCHED',
  };
  return (context, probes) => {
    const host = context.connection?.host;
    if (parameters.length === 0) return noParameter;
    if (host === undefined) return undefined;
    const found = parameters.find(({ matches }) => matches(host));
    if (found === undefined) return noParameter;
    const { parameter, paramIndex } = found;
    if (parameter.DomainAction === 'NeverConnect') {
      return { decision: 'no-trigger', ruleIndex, paramIndex, reason: 'PARAM_NEVER_CONNECT' };
    }
    const needed = tunnelNeeded(parameter, context, readings);
    const [outcome, ...others] = needed.outcomes;
    if (outcome === undefined || others.length > 0) return undefined;
    probes.push(...needed.probes);
    return { ...outcome, ruleIndex, paramIndex };
  };
}
