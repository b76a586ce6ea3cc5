import type { VpnAnyDiffAnswer } from '@quell/contracts/vpn-diff';
import type { VpnPolicyBody } from '@quell/contracts/vpn-policy-body';
import { refusal } from '@quell/service-kit/problem-error';
import { type AnalysisThreads, orUnprocessable } from '../analysis/analysis-threads.ts';

/** Compares two policies by meaning. @throws ProblemError 422 when they are of two vendors, or too large */
export async function diffOrRefuse(
  threads: AnalysisThreads,
  left: VpnPolicyBody,
  right: VpnPolicyBody,
): Promise<VpnAnyDiffAnswer> {
  const answer = await orUnprocessable(threads.run('diff', left, right));
  if (answer !== undefined) return answer;
  throw refusal('unprocessable', `A policy of ${left.dialect} cannot be compared with one of ${right.dialect}.`);
}
