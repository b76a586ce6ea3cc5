import { vpnPolicyBody } from '@quell/contracts/vpn-policy-body';
import type { VpnPolicyContent } from '@quell/contracts/vpn-policy-events';
import type { PostureAnswer } from '@quell/contracts/vpn-posture';
import type { Pool } from 'pg';
import { decideByContent } from '../evaluation/decide-by-content.ts';
import { findContent } from '../policy-store/find-content.ts';
import { readPolicyRow } from '../policy-store/policy-row.ts';
import type { KeptDecision } from './kept-decision.ts';

/** The whole answer again, from what was recorded and the policy as it was. @throws Error when what was recorded is not what it says */
export async function answerAgain(pool: Pool, { record, inputs }: KeptDecision): Promise<PostureAnswer> {
  const answer = decideByContent(await contentBehind(pool, { record, inputs }), inputs.context, inputs.unresolved);
  if ('errors' in answer) throw new Error(`decision ${record.id} was recorded with a context that does not fit`);
  return answer;
}

async function contentBehind(pool: Pool, { record, inputs }: KeptDecision): Promise<VpnPolicyContent> {
  const { policyId, policyVersion } = record;
  if (policyId === undefined || policyVersion === undefined) return { body: vpnPolicyBody.parse(inputs.body) };
  const policy = await readPolicyRow(pool, policyId);
  const content = policy && (await findContent(pool, policy, policyVersion));
  if (content === undefined) throw new Error(`decision ${record.id} names a version that there is not`);
  return content;
}
