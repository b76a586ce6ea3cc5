import { assertNever } from '@quell/contracts/vocabulary';
import type {
  GlobalProtectContext,
  GlobalProtectOutcome,
  GlobalProtectPolicy,
  GlobalProtectReadings,
} from '@quell/contracts/vpn-globalprotect';

/** The outcomes of a user's wish to leave an always-on tunnel; two when the number of earlier disconnects matters and is unknown. */
export function decideDisconnect(
  policy: GlobalProtectPolicy,
  context: Pick<GlobalProtectContext, 'platform' | 'used'>,
  readings: GlobalProtectReadings,
): { readonly outcomes: readonly GlobalProtectOutcome[]; readonly missing: readonly string[] } {
  const decided = byOverride(policy, context, readings);
  const limit = policy.maxUserOverrides;
  if (decided.action === 'deny' || decided.action === 'invalid' || limit === 0)
    return { outcomes: [decided], missing: [] };
  const exhausted: GlobalProtectOutcome = { action: 'deny', reason: 'MAX_OVERRIDES_REACHED' };
  if (context.used === undefined) return { outcomes: [decided, exhausted], missing: ['/used'] };
  return { outcomes: [context.used >= limit ? exhausted : decided], missing: [] };
}

function byOverride(
  policy: GlobalProtectPolicy,
  context: Pick<GlobalProtectContext, 'platform'>,
  readings: GlobalProtectReadings,
): GlobalProtectOutcome {
  const reconnectAfterMin = policy.timeoutMin > 0 ? policy.timeoutMin : null;
  switch (policy.override) {
    case 'allow':
      return { action: 'disconnect', reconnectAfterMin };
    case 'with-comment':
      return { action: 'challenge', challenge: 'comment', reconnectAfterMin };
    case 'with-passcode':
      return { action: 'challenge', challenge: 'passcode', reconnectAfterMin };
    case 'with-ticket': {
      const android = context.platform === 'android' || context.platform === 'chromeos-android-app';
      return android && readings.ticketOnAndroid === 'invalid'
        ? { action: 'invalid', reason: 'TICKET_NOT_SUPPORTED_ON_ANDROID' }
        : { action: 'challenge', challenge: 'ticket', reconnectAfterMin };
    }
    case 'disabled':
      return { action: 'deny', reason: 'OVERRIDE_DISABLED' };
    default:
      return assertNever(policy.override);
  }
}
