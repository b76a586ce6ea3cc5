import type { AppleContext, AppleReadings, AppleRule } from '@quell/contracts/vpn-apple';
import type { VpnCriterion } from '@quell/contracts/vpn-explanation';
import { all, type Judged, type Truth, truth } from '../../evaluation/criterion.ts';
import { networkCriteria } from './network-criteria.ts';
import { probePointer, probeResult } from './probe.ts';

/** How a rule stands in a context. `pending`: everything else holds or may hold, and its probe is not answered. */
export type RuleMatch = {
  readonly verdict: Truth;
  readonly pending: boolean;
  readonly criteria: readonly VpnCriterion[];
  readonly missing: readonly string[];
  readonly probes: readonly string[];
};

/** Whether a rule has no condition, so that it holds everywhere. */
export function isCatchAll(rule: AppleRule): boolean {
  return (
    rule.InterfaceTypeMatch === undefined &&
    rule.SSIDMatch === undefined &&
    rule.DNSDomainMatch === undefined &&
    rule.DNSServerAddressMatch === undefined &&
    rule.URLStringProbe === undefined
  );
}

/**
 * All conditions of one rule. The client stops at the first that fails, so what follows is `not-evaluated`; the probe comes last.
 * @param lookAtAll judge also what the client would not have looked at, to tell how near the rule was
 */
export function matchRule(
  rule: AppleRule,
  context: AppleContext,
  readings: AppleReadings,
  lookAtAll = false,
): RuleMatch {
  const judged: Judged[] = [];
  const criteria: VpnCriterion[] = [];
  let failed = false;
  for (const look of networkCriteria(rule, context.network ?? {}, readings)) {
    const found = look();
    if (failed && !lookAtAll) {
      criteria.push({ name: found.criterion.name, verdict: 'not-evaluated', wanted: found.criterion.wanted });
      continue;
    }
    judged.push(found);
    criteria.push(found.criterion);
    failed ||= found.criterion.verdict === 'not-held';
  }
  const verdict = all(judged.map((found) => found.criterion.verdict));
  const missing = verdict === 'unknown' ? judged.flatMap((found) => found.missing) : [];
  const url = rule.URLStringProbe;
  if (url === undefined) return { verdict, pending: false, criteria, missing, probes: [] };
  if (failed && !lookAtAll) {
    criteria.push({ name: 'URLStringProbe', verdict: 'not-evaluated', wanted: url });
    return { verdict, pending: false, criteria, missing, probes: [] };
  }
  const result = probeResult(context.probes, url);
  if (result === 'unanswered' && readings.unansweredRuleProbe === 'pending') {
    criteria.push({ name: 'URLStringProbe', verdict: 'unknown', wanted: url });
    return { verdict, pending: true, criteria, missing: [...missing, probePointer(url)], probes: [url] };
  }
  criteria.push({ name: 'URLStringProbe', verdict: truth(result === 'ok'), wanted: url, found: result });
  // Once the probe has failed, no input that is unknown makes the rule hold.
  if (result !== 'ok') return { verdict: 'not-held', pending: false, criteria, missing: [], probes: [url] };
  return { verdict, pending: false, criteria, missing, probes: [url] };
}
