import type { VpnPolicyContent } from '@quell/contracts/vpn-policy-events';
import type { PostureAnswer, UnresolvedThreat } from '@quell/contracts/vpn-posture';
import { overrideByPosture } from '../posture/override.ts';
import { evaluate } from './evaluate.ts';
import { type ContextFaults, policyRequest } from './policy-request.ts';

/**
 * What a policy decides in a context, with what stood unresolved on the device: a function of these three alone, so that a decision that was
 * recorded can be made again.
 */
export function decideByContent(
  { body, posture }: VpnPolicyContent,
  context: unknown,
  unresolved: readonly UnresolvedThreat[] = [],
): PostureAnswer | ContextFaults {
  const request = policyRequest(body, context);
  return 'errors' in request ? request : overrideByPosture(posture, unresolved, request, evaluate(request));
}
