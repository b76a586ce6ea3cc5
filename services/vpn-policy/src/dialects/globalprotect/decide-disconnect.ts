import { assertNever } from '@quell/contracts/vocabulary';
import type {
  GlobalProtectContext,
  GlobalProtectOutcome,
  GlobalProtectPolicy,
  GlobalProtectReadings,
} from '@quell/contracts/vpn-globalprotect';
import { judge, truth } from '../../evaluation/criterion.ts';
import { type Decided, onCondition, sure } from './decided.ts';

/** The outcomes of a user's wish to leave an always-on tunnel; two when the number of earlier disconnects matters and is unknown. */
export function decideDisconnect(
  policy: GlobalProtectPolicy,
  context: Pick<GlobalProtectContext, 'platform' | 'used'>,
  readings: GlobalProtectReadings,
): Decided {
  const decided = byOverride(policy, context, readings);
  const verdict = truth(decided.action !== 'deny' && decided.action !== 'invalid');
  const override = { name: 'override', verdict, wanted: 'a way to disconnect', found: policy.override };
  if (verdict === 'not-held') return sure(decided, [override]);
  const limit = policy.maxUserOverrides;
  const exhausted: GlobalProtectOutcome = { action: 'deny', reason: 'MAX_OVERRIDES_REACHED' };
  if (limit === 0) {
    if (readings.zeroUserOverrides === 'no-limit') return sure(decided, [override]);
    const none = { name: 'maxUserOverrides', verdict: truth(false), wanted: 'at least 1', found: limit };
    return sure(exhausted, [override, none]);
  }
  const counted = judge('used', `fewer than ${limit}`, context.used, '/used', (used) => used < limit);
  const left = onCondition(counted, decided, exhausted);
  return { ...left, criteria: [override, ...left.criteria] };
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
