import type { AppleContext, AppleRule } from '@quell/contracts/vpn-apple';
import type { VpnFinding } from '@quell/contracts/vpn-lint';
import { networkClasses } from '../dialects/apple/classes/network-classes.ts';
import { isCatchAll } from '../dialects/apple/match-rule.ts';
import { networkBetween, readingsOf, ruleWithout, type Subject, tooMany, type Undecided, witness } from './subject.ts';

type Reached = { held: AppleContext | null; chosen: boolean };

/**
 * SHADOWED_BY_CATCHALL, SHADOWED_BY_RULE, CONTRADICTORY_RULE, MISSING_CATCHALL: which rules can be chosen at all, and whether one always is.
 * Exact: one context of every class that the rules can tell apart, up to 2^16 classes.
 */
export function reach(subject: Subject): { findings: VpnFinding[]; undecided: Undecided[] } {
  const rules = subject.payload.OnDemandRules ?? [];
  const readings = readingsOf(subject);
  const catchAll = rules.findIndex(isCatchAll);
  const live = catchAll < 0 ? rules : rules.slice(0, catchAll + 1);
  const dead = rules
    .slice(live.length)
    .map((rule, offset) => deadFinding(subject, rule, live.length + offset, catchAll));

  const classes = networkClasses(live.map((rule) => ({ rule, readings })));
  if (classes === null) {
    const place = '/OnDemandRules';
    return {
      findings: dead,
      undecided: [
        { rule: 'SHADOWED_BY_RULE', place, why: tooMany },
        { rule: 'MISSING_CATCHALL', place, why: tooMany },
      ],
    };
  }
  const reached: Reached[] = live.map(() => ({ held: null, chosen: false }));
  let nobody: AppleContext | null = null;
  for (const { context, holds } of classes) {
    const chosen = holds.indexOf(true);
    if (chosen < 0) nobody ??= context;
    for (const [index, rule] of reached.entries()) {
      if (holds[index] === true) rule.held ??= context;
      if (chosen === index) rule.chosen = true;
    }
  }
  const findings = reached.flatMap((rule, index) => (rule.chosen ? [] : [unreached(subject, index, rule.held)]));
  if (nobody !== null && rules.length > 0) findings.push(missingCatchAll(subject, nobody));
  return { findings: [...findings, ...dead].filter((finding) => finding !== null), undecided: [] };
}

function deadFinding(subject: Subject, rule: AppleRule, index: number, catchAll: number): VpnFinding {
  return {
    rule: 'SHADOWED_BY_CATCHALL',
    severity: 'error',
    place: `/OnDemandRules/${index}`,
    ruleIndex: index,
    why: `rule ${catchAll} has no condition, so the client never comes to rule ${index}`,
    witness: witness(subject, networkBetween(subject, index, rule, null)),
    fix: {
      text: `move rule ${catchAll} to the end, or remove rule ${index}`,
      patch: [{ op: 'remove', path: `/OnDemandRules/${index}` }],
    },
  };
}

/** A rule that nothing chooses: taken by those before it, or impossible in itself. Empty lists have a finding of their own. */
function unreached(subject: Subject, index: number, held: AppleContext | null): VpnFinding | null {
  const rule = subject.payload.OnDemandRules?.[index];
  if (rule === undefined) return null;
  const about = { place: `/OnDemandRules/${index}`, ruleIndex: index, severity: 'error' as const };
  const patch = [{ op: 'remove' as const, path: about.place }];
  if (held !== null) {
    return {
      ...about,
      rule: 'SHADOWED_BY_RULE',
      why: `wherever rule ${index} holds, a rule before it already does`,
      witness: witness(subject, held),
      fix: { text: `move rule ${index} before the rule that takes its place, or remove it`, patch },
    };
  }
  if (rule.SSIDMatch === undefined || rule.InterfaceTypeMatch === undefined || rule.InterfaceTypeMatch === 'WiFi')
    return null;
  if (rule.SSIDMatch.every((ssid) => ssid === '')) return null;
  return {
    ...about,
    rule: 'CONTRADICTORY_RULE',
    why: `SSIDMatch holds on WiFi only, InterfaceTypeMatch wants ${rule.InterfaceTypeMatch}: the rule never holds`,
    witness: witness(subject, networkBetween(subject, index, ruleWithout(rule, 'InterfaceTypeMatch'), rule)),
    fix: {
      text: 'remove InterfaceTypeMatch, or SSIDMatch',
      patch: [{ op: 'remove', path: `${about.place}/InterfaceTypeMatch` }],
    },
  };
}

function missingCatchAll(subject: Subject, nobody: AppleContext): VpnFinding {
  return {
    rule: 'MISSING_CATCHALL',
    severity: 'warning',
    place: '/OnDemandRules',
    ruleIndex: null,
    why: 'on some networks no rule holds; what the client does then is documented as not guaranteed',
    witness: witness(subject, nobody),
    fix: {
      text: 'end with a rule that has an Action and no condition',
      patch: [{ op: 'add', path: '/OnDemandRules/-', value: { Action: 'Ignore' } }],
    },
  };
}
