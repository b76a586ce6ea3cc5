import type { AppleContext, AppleReadings, AppleRule } from '@quell/contracts/vpn-apple';
import { judge, neverHolds } from '../../evaluation/criterion.ts';
import { tunnelNeeded } from './if-needed.ts';
import { matchesDomain } from './match-domain.ts';
import { joined, type Stage, settled } from './stage.ts';

/**
 * Stage 2 of a rule with EvaluateConnection: the first entry of ActionParameters that means the host wins. None does: no trigger; later
 * rules are not consulted.
 */
export function connectionStage(
  rule: AppleRule,
  ruleIndex: number,
  context: AppleContext,
  readings: AppleReadings,
): Stage {
  const stages: Stage[] = [];
  for (const [paramIndex, parameter] of (rule.ActionParameters ?? []).entries()) {
    const place = `/OnDemandRules/${ruleIndex}/ActionParameters/${paramIndex}`;
    const domains = parameter.Domains;
    const host =
      domains === undefined || domains.length === 0
        ? neverHolds('Domains', domains ?? null)
        : judge('Domains', domains, context.connection?.host, '/connection/host', (found) =>
            domains.some((domain) => matchesDomain(domain, found, readings.host, readings)),
          );
    const step = { place, verdict: host.criterion.verdict, action: parameter.DomainAction };
    if (host.criterion.verdict === 'not-held') {
      stages.push({ outcomes: [], steps: [{ ...step, criteria: [host.criterion] }], missing: [], probes: [] });
      continue;
    }
    const decided =
      parameter.DomainAction === 'NeverConnect'
        ? {
            outcomes: [{ decision: 'no-trigger' as const, reason: 'PARAM_NEVER_CONNECT' as const }],
            criteria: [],
            missing: [],
            probes: [],
          }
        : tunnelNeeded(parameter, context, readings);
    stages.push({
      outcomes: decided.outcomes.map((outcome) => ({ ...outcome, ruleIndex, paramIndex })),
      steps: [{ ...step, criteria: [host.criterion, ...decided.criteria] }],
      missing: [...host.missing, ...decided.missing],
      probes: decided.probes,
    });
    if (host.criterion.verdict === 'held') return joined(stages);
  }
  stages.push(settled({ decision: 'no-trigger', ruleIndex, paramIndex: null, reason: 'NO_PARAM_MATCHED' }));
  return joined(stages);
}
