import type { AppleContext, AppleDictionary, AppleReadings, AppleRule } from '@quell/contracts/vpn-apple';
import type { VpnCriterion, VpnNearMiss, VpnStep } from '@quell/contracts/vpn-explanation';
import { matchRule } from './match-rule.ts';

/**
 * What came nearest to deciding and did not. Where a rule was chosen but none of its ActionParameters means the host: the first of them;
 * where none of the three lists does: one of these.
 * Else, of the rules that were tried and failed, the one that failed on the fewest conditions; of equals the first.
 */
export function nearestMiss(
  payload: AppleDictionary,
  steps: readonly VpnStep[],
  context: AppleContext,
  readings: AppleReadings,
): VpnNearMiss | null {
  const parameters = steps.filter((step) => step.place.includes('/ActionParameters/'));
  const [first] = parameters;
  if (first !== undefined && parameters.every((step) => step.verdict === 'not-held')) {
    const [host] = first.criteria;
    const text = `${first.place.slice(1)} would have decided if the host were under one of ${JSON.stringify(host?.wanted)}`;
    return { place: first.place, failed: [...first.criteria], text };
  }
  const list = nearestList(steps);
  if (list !== null) return list;
  const tried = steps.filter(
    (step) => /^\/OnDemandRules\/\d+$/.test(step.place) && step.verdict !== 'not-evaluated',
  ).length;
  return nearestRule((payload.OnDemandRules ?? []).slice(0, tried), context, readings);
}

/** The host is in none of the three lists: the first with entries of those that start the tunnel, else Never. */
function nearestList(steps: readonly VpnStep[]): VpnNearMiss | null {
  const lists = steps.filter((step) => step.place.startsWith('/OnDemandMatchDomains'));
  if (!lists.every((step) => step.verdict === 'not-held')) return null;
  const [never, ...starting] = lists;
  for (const { place, criteria } of never === undefined ? [] : [...starting, never]) {
    const wanted = criteria[0]?.wanted;
    if (!Array.isArray(wanted) || wanted.length === 0) continue;
    const text = `${place.slice(1)} would have decided if the host ended with one of ${JSON.stringify(wanted)}`;
    return { place, failed: [...criteria], text };
  }
  return null;
}

function nearestRule(rules: readonly AppleRule[], context: AppleContext, readings: AppleReadings): VpnNearMiss | null {
  let nearest: VpnNearMiss | null = null;
  for (const [index, rule] of rules.entries()) {
    const failed = matchRule(rule, context, readings, true).criteria.filter(
      (criterion) => criterion.verdict === 'not-held',
    );
    if (failed.length === 0 || (nearest !== null && nearest.failed.length <= failed.length)) continue;
    const conditions = failed.map((criterion) => condition(criterion, context, readings)).join(', and ');
    nearest = {
      place: `/OnDemandRules/${index}`,
      failed,
      text: `rule ${index} (${rule.Action}) would have matched if ${conditions}`,
    };
  }
  return nearest;
}

function condition(criterion: VpnCriterion, context: AppleContext, readings: AppleReadings): string {
  const wanted = Array.isArray(criterion.wanted) ? criterion.wanted : [criterion.wanted];
  if (wanted.length === 0) return `${criterion.name} were not empty, which no network fulfils`;
  const list = wanted.map((value) => JSON.stringify(value)).join(', ');
  switch (criterion.name) {
    case 'InterfaceTypeMatch':
      return `the interface were ${wanted[0]}`;
    case 'SSIDMatch':
      return `ssid were one of ${list}${context.network?.interface === 'WiFi' ? '' : ' on WiFi'}`;
    case 'DNSDomainMatch':
      return `${readings.searchDomainsConsidered === 'first' ? 'the first' : 'a'} search domain were one of ${list}`;
    case 'DNSServerAddressMatch':
      return `${readings.dnsServers === 'any' ? 'a DNS server were' : 'all DNS servers were'} among ${list}`;
    default:
      return `the probe of ${list} answered 200 without a redirect`;
  }
}
