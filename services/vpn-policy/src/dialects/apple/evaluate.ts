import type {
  AppleAnswer,
  AppleContext,
  AppleDialect,
  AppleOutcome,
  ApplePayload,
  AppleReadings,
} from '@quell/contracts/vpn-apple';
import type { VpnStep } from '@quell/contracts/vpn-explanation';
import { judge, truth } from '../../evaluation/criterion.ts';
import { agreed, distinct } from '../../evaluation/possible.ts';
import { nearestMiss } from './near-miss.ts';
import { networkStage } from './network-stage.ts';
import { appleReadings } from './readings.ts';
import { joined, type Stage, settled } from './stage.ts';

/**
 * What Apple's client would do with a VPN dictionary in a context, and why.
 * @param payload the dictionary with the on-demand keys
 * @param dialect which of the three readings holds; `switched` changes single points of it
 */
export function evaluateApple(
  payload: ApplePayload,
  context: AppleContext,
  dialect: AppleDialect = 'apple-mdm',
  switched: { readonly [K in keyof AppleReadings]?: AppleReadings[K] | undefined } = {},
): AppleAnswer {
  const readings = appleReadings(dialect, switched);
  const stage = wholeStage(payload, context, readings);
  const possible = distinct(stage.outcomes);
  const decision = agreed(possible, 'decision', 'unknown' as const);
  const nexts = possible.map((outcome) => ({ vpn: tunnelAfter(outcome, context) }));
  const missing = [...new Set(stage.missing)];
  return {
    decision,
    ruleIndex: agreed(possible, 'ruleIndex', null),
    paramIndex: agreed(possible, 'paramIndex', null),
    reason: agreed(possible, 'reason', 'INPUT_UNKNOWN' as const),
    nextVpn: agreed(nexts, 'vpn', null),
    probesIssued: [...new Set(stage.probes)],
    possible,
    dialect,
    missing,
    nearMiss: nearestMiss(payload, stage.steps, context, readings),
    trace: [...stage.steps],
  };
}

/** The tunnel after the decision took effect; `null` when it stays as it is and that is unknown. */
function tunnelAfter(outcome: AppleOutcome, context: AppleContext): AppleAnswer['nextVpn'] {
  if (outcome.decision === 'connect' || outcome.decision === 'always') return 'connected';
  return outcome.decision === 'disconnect' ? 'disconnected' : (context.vpn ?? null);
}

function wholeStage(payload: ApplePayload, context: AppleContext, readings: AppleReadings): Stage {
  const none = { ruleIndex: null, paramIndex: null };
  if (payload.VPNType === 'AlwaysOn') return settled({ decision: 'always', ...none, reason: 'ALWAYS_ON' });

  const enabled = payload.OnDemandEnabled ?? 0;
  const gate: VpnStep = {
    place: '/OnDemandEnabled',
    verdict: truth(enabled === 1),
    criteria: [{ name: 'OnDemandEnabled', verdict: truth(enabled === 1), wanted: 1, found: enabled }],
  };
  if (enabled !== 1) return settled({ decision: 'disabled', ...none, reason: 'ON_DEMAND_DISABLED' }, [gate]);
  if (readings.manualStopPauses && context.userPaused === true) {
    return settled({ decision: 'not-evaluated', ...none, reason: 'USER_PAUSED' }, [gate]);
  }

  const { network } = context;
  const gates = [
    {
      judged: judge(
        'interface',
        'a primary network',
        network?.interface,
        '/network/interface',
        (found) => found !== null,
      ),
      reason: 'NO_PRIMARY_NETWORK' as const,
    },
    {
      judged: judge(
        'primaryIsVirtual',
        false,
        network?.primaryIsVirtual,
        '/network/primaryIsVirtual',
        (found) => !found,
      ),
      reason: 'VIRTUAL_PRIMARY_INTERFACE' as const,
    },
  ];
  const stages: Stage[] = [{ outcomes: [], steps: [gate], missing: [], probes: [] }];
  for (const { judged, reason } of gates) {
    const { verdict } = judged.criterion;
    if (verdict === 'held') continue;
    const step: VpnStep = { place: '', verdict, criteria: [judged.criterion] };
    const outcome: AppleOutcome = { decision: 'not-evaluated', ...none, reason };
    stages.push({ outcomes: [outcome], steps: [step], missing: judged.missing, probes: [] });
    if (verdict === 'not-held') return joined(stages);
  }
  stages.push(networkStage(payload, context, readings));
  return joined(stages);
}
