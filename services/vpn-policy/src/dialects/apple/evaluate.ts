import type {
  AppleAnswer,
  AppleContext,
  AppleDialect,
  AppleDictionary,
  AppleOutcome,
} from '@quell/contracts/vpn-apple';
import { agreed, distinct } from '../../evaluation/possible.ts';
import { decideStages } from './decide-stages.ts';
import { nearestMiss } from './near-miss.ts';
import { appleReadings, type SwitchedReadings } from './readings.ts';

/**
 * What Apple's client would do with a VPN dictionary in a context, and why.
 * @param payload the dictionary with the on-demand keys
 * @param dialect which of the three readings holds; `switched` changes single points of it
 */
export function evaluateApple(
  payload: AppleDictionary,
  context: AppleContext,
  dialect: AppleDialect = 'apple-mdm',
  switched: SwitchedReadings = {},
): AppleAnswer {
  const readings = appleReadings(dialect, switched);
  const stage = decideStages(payload, context, readings);
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
export function tunnelAfter(outcome: AppleOutcome, context: AppleContext): AppleAnswer['nextVpn'] {
  if (outcome.decision === 'connect' || outcome.decision === 'always') return 'connected';
  return outcome.decision === 'disconnect' ? 'disconnected' : (context.vpn ?? null);
}
