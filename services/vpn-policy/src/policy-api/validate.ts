import type { VpnPolicyValidation } from '@quell/contracts/vpn-policy-api';
import type { VpnPolicyBody } from '@quell/contracts/vpn-policy-body';
import { type AnalysisThreads, TooMuch } from '../analysis/analysis-threads.ts';

/** Stands among the rules that block where lint itself could not be done. */
const NOT_LINTED = 'NOT_LINTED';

/** What lint says to a policy; its errors are what keeps it from being published. A policy that is too large for lint counts as wrong. */
export async function validate(threads: AnalysisThreads, body: VpnPolicyBody): Promise<VpnPolicyValidation> {
  try {
    const { findings, undecided } = await threads.run('lint', body);
    const blocking = findings.filter(({ severity }) => severity === 'error').map(({ rule }) => rule);
    return { publishable: blocking.length === 0, blocking: [...new Set(blocking)].sort(), findings, undecided };
  } catch (error) {
    if (!(error instanceof TooMuch)) throw error;
    const undecided = [{ rule: NOT_LINTED, place: '', why: error.message }];
    return { publishable: false, blocking: [NOT_LINTED], findings: [], undecided };
  }
}
