import type { AppleContext, AppleDictionary, AppleOutcome, AppleReadings } from '@quell/contracts/vpn-apple';
import type { VpnStep } from '@quell/contracts/vpn-explanation';
import { judge, truth } from '../../evaluation/criterion.ts';
import { networkStage } from './network-stage.ts';
import { joined, type Stage, settled } from './stage.ts';

/** Both stages behind the gates: on-demand switched on, not paused, a primary network, and not the tunnel itself. */
export function decideStages(payload: AppleDictionary, context: AppleContext, readings: AppleReadings): Stage {
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
    const paused: VpnStep = {
      place: '',
      verdict: 'not-held',
      criteria: [{ name: 'userPaused', verdict: 'not-held', wanted: false, found: true }],
    };
    return settled({ decision: 'not-evaluated', ...none, reason: 'USER_PAUSED' }, [gate, paused]);
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
