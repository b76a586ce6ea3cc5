import { placesOf } from '@quell/contracts/problem';
import { assertNever } from '@quell/contracts/vocabulary';
import { appleContext } from '@quell/contracts/vpn-apple';
import { ciscoContext } from '@quell/contracts/vpn-cisco';
import type { VpnEvaluateRequest } from '@quell/contracts/vpn-evaluate';
import { globalProtectContext } from '@quell/contracts/vpn-globalprotect';
import type { VpnPolicyBody } from '@quell/contracts/vpn-policy-body';

/** What is wrong with a context, each place as a JSON pointer into it. */
export type ContextFaults = { readonly errors: { readonly pointer: string; readonly detail: string }[] };

/** The request that asks what a policy does in a context; a context that is not one of the policy's dialect is told why. */
export function policyRequest(body: VpnPolicyBody, context: unknown): VpnEvaluateRequest | ContextFaults {
  switch (body.dialect) {
    case 'apple-mdm':
    case 'apple-ne':
    case 'apple-legacy': {
      const read = appleContext.safeParse(context);
      return read.success ? { ...body, context: read.data } : { errors: placesOf(read.error.issues) };
    }
    case 'cisco-anyconnect': {
      const read = ciscoContext.safeParse(context);
      return read.success ? { ...body, context: read.data } : { errors: placesOf(read.error.issues) };
    }
    case 'globalprotect': {
      const read = globalProtectContext.safeParse(context);
      const { settings, ...rest } = body;
      return read.success ? { ...rest, ...settings, ...read.data } : { errors: placesOf(read.error.issues) };
    }
    default:
      return assertNever(body);
  }
}
