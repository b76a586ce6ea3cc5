import { assertNever } from '@quell/contracts/vocabulary';
import type { AppleContext, AppleDictionary, AppleOutcome, AppleReadings, AppleRule } from '@quell/contracts/vpn-apple';
import type { VpnStep } from '@quell/contracts/vpn-explanation';
import { connectionStage } from './connection-stage.ts';
import { hasLists, judgeList, listStage } from './legacy-lists.ts';
import { isCatchAll, matchRule } from './match-rule.ts';
import { joined, type Stage, settled } from './stage.ts';

/** Stage 1: the first rule whose conditions all hold on this network; its action says what happens. */
export function networkStage(payload: AppleDictionary, context: AppleContext, readings: AppleReadings): Stage {
  const rules = payload.OnDemandRules ?? [];
  const stages: Stage[] = [];
  for (const [ruleIndex, rule] of rules.entries()) {
    const match = matchRule(rule, context, readings);
    const { verdict } = match;
    const step: VpnStep = {
      place: `/OnDemandRules/${ruleIndex}`,
      verdict: match.pending ? 'unknown' : verdict,
      action: rule.Action,
      criteria: [...match.criteria],
    };
    stages.push({ outcomes: [], steps: [step], missing: match.missing, probes: match.probes });
    if (verdict === 'not-held') continue;
    // An unanswered probe holds everything up: later rules must not be tried yet.
    stages.push(
      match.pending
        ? settled({ decision: 'pending', ruleIndex, paramIndex: null, reason: 'PROBE_PENDING' })
        : actionStage(payload, rule, ruleIndex, context, readings),
    );
    if (verdict === 'held') return joined([...stages, notTried(rules, ruleIndex + 1)]);
  }
  stages.push(noRuleStage(payload, context, readings));
  return joined(stages);
}

function notTried(rules: readonly AppleRule[], from: number): Stage {
  const steps = rules.slice(from).map(
    (rule, offset): VpnStep => ({
      place: `/OnDemandRules/${from + offset}`,
      verdict: 'not-evaluated',
      action: rule.Action,
      criteria: [],
    }),
  );
  return { outcomes: [], steps, missing: [], probes: [] };
}

function actionStage(
  payload: AppleDictionary,
  rule: AppleRule,
  ruleIndex: number,
  context: AppleContext,
  readings: AppleReadings,
): Stage {
  const reason = isCatchAll(rule) ? 'RULE_MATCHED_CATCHALL' : 'RULE_MATCHED';
  const matched = (decision: AppleOutcome['decision']) =>
    settled({ decision, ruleIndex, paramIndex: null, reason } as const);
  switch (rule.Action) {
    case 'Connect':
      return readings.neverListStopsConnect
        ? unlessNever(payload, ruleIndex, context, readings, matched('connect'))
        : matched('connect');
    case 'Disconnect':
      return matched('disconnect');
    case 'Ignore':
      return matched('ignore');
    case 'EvaluateConnection':
      return context.connection === undefined
        ? matched('evaluate')
        : connectionStage(rule, ruleIndex, context, readings);
    case 'Allow':
      return context.connection === undefined && hasLists(payload)
        ? matched('evaluate')
        : listStage(payload, ruleIndex, context, readings);
    default:
      return assertNever(rule.Action);
  }
}

/** Apple's source: a host of the Never list starts nothing, whatever the rule says. */
function unlessNever(
  payload: AppleDictionary,
  ruleIndex: number,
  context: AppleContext,
  readings: AppleReadings,
  connect: Stage,
): Stage {
  if (context.connection === undefined) return connect;
  const { criterion, missing } = judgeList(payload, 'OnDemandMatchDomainsNever', context, readings);
  if (criterion.verdict === 'not-held') return connect;
  const step: VpnStep = { place: '/OnDemandMatchDomainsNever', verdict: criterion.verdict, criteria: [criterion] };
  const never = settled({ decision: 'no-trigger', ruleIndex, paramIndex: null, reason: 'LEGACY_NEVER' }, [step]);
  return criterion.verdict === 'held' ? never : joined([{ ...never, missing }, connect]);
}

/** No rule matched: as Allow. Documented as not guaranteed, and the reason that every policy should end with a catch-all. */
function noRuleStage(payload: AppleDictionary, context: AppleContext, readings: AppleReadings): Stage {
  const none = { ruleIndex: null, paramIndex: null, reason: 'NO_RULE_MATCHED' } as const;
  if (!hasLists(payload)) return settled({ decision: 'no-trigger', ...none });
  if (context.connection === undefined) return settled({ decision: 'evaluate', ...none });
  return listStage(payload, null, context, readings);
}
