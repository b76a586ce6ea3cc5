import type { VpnPolicyContent } from '@quell/contracts/vpn-policy-events';
import type { Pool } from 'pg';
import { contentOf, type Policy } from '../policy/policy.ts';
import { loadPolicy } from './change-policy.ts';

/**
 * What a policy's draft or one of its versions says; undefined for a number that was never published.
 *
 * @param policy as its row has it: the stream, with all that the policy ever said, is read for what the row has not only
 */
export async function findContent(
  pool: Pool,
  policy: Policy,
  version: number | 'draft',
): Promise<VpnPolicyContent | undefined> {
  if (version === 'draft') return policy.draft;
  const isElsewhere = policy.versions[version - 1] !== undefined && contentOf(policy, version) === undefined;
  const whole = isElsewhere ? await loadPolicy(pool, policy.id) : policy;
  return whole && contentOf(whole, version);
}
