import { placesOf } from '@quell/contracts/problem';
import { type AppleContext, appleContext, readDictionary } from '@quell/contracts/vpn-apple';
import type { VpnDialect } from '@quell/contracts/vpn-policy-body';
import type { VpnPolicyContent } from '@quell/contracts/vpn-policy-events';
import type { UnresolvedThreat } from '@quell/contracts/vpn-posture';
import type { VpnBrief } from '@quell/contracts/vpn-what-if';
import { compileApple } from '../dialects/apple/compiled/compile.ts';
import { decideByContent } from '../evaluation/decide-by-content.ts';
import type { ContextFaults } from '../evaluation/policy-request.ts';

/** What a policy decides in a context, with what stood unresolved on the device; or what keeps the context from being read. */
export type Prepared = ((context: unknown, unresolved?: readonly UnresolvedThreat[]) => VpnBrief | ContextFaults) & {
  readonly dialect: VpnDialect;
};

/** Makes a policy ready for many contexts. It says what `decideByContent` says, without the why. */
export function prepare(content: VpnPolicyContent): Prepared {
  const { body } = content;
  const { dialect } = body;
  const atLength = (context: unknown, unresolved?: readonly UnresolvedThreat[]): VpnBrief | ContextFaults => {
    const answer = decideByContent(content, context, unresolved);
    return 'errors' in answer ? answer : brief('action' in answer ? answer.action : answer.decision, answer.reason);
  };
  if (!('payload' in body)) return Object.assign(atLength, { dialect });
  const quick = compileApple(readDictionary(body.payload), body.dialect, body.readings);
  const decided = (context: unknown, unresolved: readonly UnresolvedThreat[] = []): VpnBrief | ContextFaults => {
    if (content.posture !== undefined && unresolved.length > 0) return atLength(context, unresolved);
    const read = readContext(context);
    if ('errors' in read) return read;
    const { decision, reason } = quick(read.context);
    return brief(decision, reason);
  };
  return Object.assign(decided, { dialect });
}

function brief(decision: string, reason: string | undefined): VpnBrief {
  return reason === undefined ? { decision } : { decision, reason };
}

function readContext(context: unknown): { readonly context: AppleContext } | ContextFaults {
  const read = appleContext.safeParse(context);
  if (read.success) return { context: read.data };
  return { errors: placesOf(read.error.issues) };
}
