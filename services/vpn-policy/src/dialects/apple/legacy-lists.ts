import type { AppleContext, AppleDictionary, AppleOutcome, AppleReadings } from '@quell/contracts/vpn-apple';
import type { VpnCriterion, VpnStep } from '@quell/contracts/vpn-explanation';
import { judge } from '../../evaluation/criterion.ts';
import { matchesDomain } from './match-domain.ts';
import { joined, type Stage, settled } from './stage.ts';

type ListKey = 'OnDemandMatchDomainsNever' | 'OnDemandMatchDomainsAlways' | 'OnDemandMatchDomainsOnRetry';

/** Whether the payload has an entry in any of the three lists from before iOS 7. */
export function hasLists(payload: AppleDictionary): boolean {
  const { OnDemandMatchDomainsAlways, OnDemandMatchDomainsOnRetry, OnDemandMatchDomainsNever } = payload;
  return [OnDemandMatchDomainsAlways, OnDemandMatchDomainsOnRetry, OnDemandMatchDomainsNever].some(
    (list) => (list?.length ?? 0) > 0,
  );
}

/** Never, then Always, then OnRetry; the first with an entry that the host ends with decides. */
export function listStage(
  payload: AppleDictionary,
  ruleIndex: number | null,
  context: AppleContext,
  readings: AppleReadings,
): Stage {
  const outcome = (decision: AppleOutcome['decision'], reason: AppleOutcome['reason']): AppleOutcome => ({
    decision,
    ruleIndex,
    paramIndex: null,
    reason,
  });
  const stages: Stage[] = [];
  for (const key of [
    'OnDemandMatchDomainsNever',
    'OnDemandMatchDomainsAlways',
    'OnDemandMatchDomainsOnRetry',
  ] as const) {
    const host = judgeList(payload, key, context, readings);
    const criteria: VpnCriterion[] = [host.criterion];
    const step: VpnStep = { place: `/${key}`, verdict: host.criterion.verdict, criteria };
    if (host.criterion.verdict === 'not-held') {
      stages.push({ outcomes: [], steps: [step], missing: [], probes: [] });
      continue;
    }
    if (key === 'OnDemandMatchDomainsNever') {
      stages.push({ ...settled(outcome('no-trigger', 'LEGACY_NEVER'), [step]), missing: host.missing });
    } else if (key === 'OnDemandMatchDomainsAlways' && readings.alwaysList === 'immediate') {
      stages.push({ ...settled(outcome('connect', 'LEGACY_ALWAYS'), [step]), missing: host.missing });
    } else {
      const failing = dnsFails(context, readings);
      criteria.push(failing.criterion);
      const { verdict } = failing.criterion;
      stages.push({
        outcomes: [
          ...(verdict === 'not-held' ? [] : [outcome('connect', 'LEGACY_ONRETRY_DNS_FAILED')]),
          ...(verdict === 'held' ? [] : [outcome('no-trigger', 'LEGACY_DNS_RESOLVED')]),
        ],
        steps: [step],
        missing: [...host.missing, ...failing.missing],
        probes: [],
      });
    }
    if (host.criterion.verdict === 'held') return joined(stages);
  }
  stages.push(settled(outcome('no-trigger', 'LEGACY_NO_DOMAIN')));
  return joined(stages);
}

/** Whether the host ends with an entry of one list. */
export function judgeList(payload: AppleDictionary, key: ListKey, context: AppleContext, readings: AppleReadings) {
  const entries = payload[key] ?? [];
  return judge(key, entries, entries.length === 0 ? '' : context.connection?.host, '/connection/host', (host) =>
    entries.some((entry) => matchesDomain(entry, host, readings.listHost, readings)),
  );
}

function dnsFails(context: AppleContext, readings: AppleReadings) {
  return judge('dns', 'the name does not resolve', context.connection?.dns, '/connection/dns', (dns) =>
    dns === 'redirected' ? readings.redirectedFailsLists : dns !== 'resolved',
  );
}
