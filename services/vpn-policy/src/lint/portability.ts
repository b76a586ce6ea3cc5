import { appleDialect } from '@quell/contracts/vpn-apple';
import type { VpnFinding } from '@quell/contracts/vpn-lint';
import { CLASS_LIMIT } from '../dialects/apple/classes/network-classes.ts';
import { diffApple } from '../diff/diff-apple.ts';
import { contextWhere, type Subject, type Undecided, witness } from './subject.ts';

/** How many rules are looked at to compare two readings, all classes together. */
const DIVERGENCE_LIMIT = 2 ** 20;

/** What another target cannot hold: Intune's `vpnOnDemandRule` has one entry of domains per rule, no DNS servers in it, and no Allow. */
export function lossyExport(subject: Subject): VpnFinding[] {
  return (subject.payload.OnDemandRules ?? []).flatMap((rule, index): VpnFinding[] => {
    const entries = rule.Action === 'EvaluateConnection' ? (rule.ActionParameters ?? []) : [];
    const servers = entries.findIndex((entry) => (entry.RequiredDNSServers ?? []).length > 0);
    const second = entries.length > 1;
    if (!second && servers < 0 && rule.Action !== 'Allow') return [];
    const place = `/OnDemandRules/${index}`;
    const lost = contextWhere(subject, (outcome) => {
      if (outcome.ruleIndex !== index) return false;
      if (second) return (outcome.paramIndex ?? 0) > 0;
      return servers < 0 || outcome.reason === 'PARAM_REQUIRED_DNS_UNREACHABLE';
    });
    return [
      {
        rule: 'LOSSY_EXPORT',
        severity: 'info',
        place: second
          ? `${place}/ActionParameters/1`
          : servers < 0
            ? `${place}/Action`
            : `${place}/ActionParameters/${servers}/RequiredDNSServers`,
        ruleIndex: index,
        why: 'Intune holds one entry of domains per rule, no required DNS servers, and no Allow',
        witness: witness(subject, lost),
        fix: { text: 'deliver it as a .mobileconfig where that matters', patch: null },
      },
    ];
  });
}

/**
 * DIALECT_DIVERGENCE: places at which another named reading does something else. The case of letters is left out: names are written in one
 * case on both sides as a rule, and every policy with a domain would have the finding.
 */
export function divergence(subject: Subject): { findings: VpnFinding[]; undecided: Undecided[] } {
  const findings = new Map<string, VpnFinding>();
  const undecided: Undecided[] = [];
  for (const other of appleDialect.options.filter((name) => name !== subject.dialect)) {
    const own = { ...subject, readings: { ...subject.switched, caseSensitive: false } };
    // Each class costs as much as there are rules.
    const limit = Math.min(
      CLASS_LIMIT,
      Math.floor(DIVERGENCE_LIMIT / ((subject.payload.OnDemandRules ?? []).length + 1)),
    );
    const found = diffApple(
      own,
      { payload: subject.payload, dialect: other, readings: { caseSensitive: false } },
      limit,
    );
    if (found.result === 'undecided') {
      undecided.push({
        rule: 'DIALECT_DIVERGENCE',
        place: '/OnDemandRules',
        why: `more than ${found.limit} classes of contexts, against ${other}`,
      });
    }
    for (const difference of found.result === 'different' ? found.differences : []) {
      const ruleIndex = earlier(difference.left.ruleIndex, difference.right.ruleIndex);
      const place = ruleIndex === null ? '' : `/OnDemandRules/${ruleIndex}`;
      const key = `${other} ${place}`;
      const shown = witness(subject, difference.witness, [subject.dialect, other]);
      if (findings.has(key) || shown?.answers[0]?.decision === shown?.answers[1]?.decision) continue;
      findings.set(key, {
        rule: 'DIALECT_DIVERGENCE',
        severity: 'info',
        place,
        ruleIndex,
        why: `${subject.dialect} gives ${difference.left.decision} (${difference.left.reason}), ${other} ${difference.right.decision} (${difference.right.reason})`,
        witness: shown,
        fix: { text: 'find out which reading the devices follow, or write it so that all agree', patch: null },
      });
    }
  }
  return { findings: [...findings.values()], undecided };
}

function earlier(one: number | null, other: number | null): number | null {
  return one === null || other === null ? (one ?? other) : Math.min(one, other);
}
