import { assertNever } from '@quell/contracts/vocabulary';
import type { AppleAnswer } from '@quell/contracts/vpn-apple';
import type { CiscoAnswer } from '@quell/contracts/vpn-cisco';
import type { VpnEvaluateAnswer, VpnEvaluateRequest } from '@quell/contracts/vpn-evaluate';
import type { GlobalProtectAnswer } from '@quell/contracts/vpn-globalprotect';
import type {
  ApplePostureAnswer,
  CiscoPostureAnswer,
  CountedThreat,
  GlobalProtectPostureAnswer,
  PostureAction,
  PostureAnswer,
  PostureCause,
  PostureSettings,
} from '@quell/contracts/vpn-posture';
import { countingThreats, MOST_NAMED } from './unresolved.ts';

/**
 * What unresolved threats make of a policy's decision; the answer as it is when none counts, or the policy has no posture settings.
 * Otherwise the reason is `posture`, and `posture.without` has what the policy alone decides. Trace, near miss, missing and possible stay
 * the policy's own. A decision that is stricter already stays. What each action means in each dialect: README, Posture.
 */
export function overrideByPosture(
  settings: PostureSettings | undefined,
  unresolved: readonly CountedThreat[],
  request: VpnEvaluateRequest,
  answer: VpnEvaluateAnswer,
): PostureAnswer {
  if (settings === undefined) return answer;
  const counting = countingThreats(settings, unresolved);
  if (counting.length === 0) return answer;
  const { action } = settings;
  const cause = {
    action,
    tasks: counting.slice(0, MOST_NAMED).map(({ acknowledged: _, alike: __, ...threat }) => threat),
    count: counting.reduce((count, { alike = 0 }) => count + 1 + alike, 0),
  };
  if ('ruleIndex' in answer) return appleUnder(action, cause, vpnIn(request), answer);
  if ('action' in answer) return globalProtectUnder(action, cause, eventIn(request), answer);
  return ciscoUnder(action, cause, answer);
}

type Because = Omit<PostureCause, 'without'>;

function vpnIn(request: VpnEvaluateRequest): 'connected' | 'disconnected' | null {
  return ('payload' in request ? request.context.vpn : undefined) ?? null;
}

function eventIn(request: VpnEvaluateRequest): 'boot' | 'user-login' | 'user-connect' | 'user-disconnect' | undefined {
  return 'event' in request ? request.event : undefined;
}

/** As if the policy were one rule without criteria: Disconnect; EvaluateConnection with NeverConnect; Connect. */
function appleUnder(
  action: PostureAction,
  cause: Because,
  vpn: 'connected' | 'disconnected' | null,
  answer: AppleAnswer,
): ApplePostureAnswer {
  const { decision, ruleIndex, paramIndex, reason } = answer;
  const posture = { ...cause, without: { decision, ruleIndex, paramIndex, reason } };
  const own = { ...answer, ruleIndex: null, paramIndex: null, reason: 'posture' as const, probesIssued: [], posture };
  switch (action.kind) {
    case 'disconnect':
      return { ...own, decision: 'disconnect', nextVpn: 'disconnected' };
    case 'never-connect':
      // The policy's own Disconnect lets nothing come up either, and ends what is up.
      return decision === 'disconnect'
        ? { ...own, decision, nextVpn: 'disconnected' }
        : { ...own, decision: 'no-trigger', nextVpn: vpn };
    case 'remediate':
      return { ...own, decision: 'connect', nextVpn: 'connected' };
    default:
      return assertNever(action);
  }
}

/** As if every name were in Never, or in Always. On-demand lists end no tunnel. */
function ciscoUnder(action: PostureAction, cause: Because, answer: CiscoAnswer): CiscoPostureAnswer {
  const { decision, reason } = answer;
  const posture = { ...cause, without: { decision, reason } };
  const own = { ...answer, reason: 'posture' as const };
  switch (action.kind) {
    case 'disconnect':
      return { ...own, decision: 'no-trigger', posture: { ...posture, endAtGateway: true } };
    case 'never-connect':
      return { ...own, decision: 'no-trigger', posture };
    case 'remediate':
      return { ...own, decision: 'connect', posture };
    default:
      return assertNever(action);
  }
}

function globalProtectUnder(
  action: PostureAction,
  cause: Because,
  event: ReturnType<typeof eventIn>,
  answer: GlobalProtectAnswer,
): GlobalProtectPostureAnswer {
  const { effectiveMethod, possible, dialect, missing, nearMiss, trace, ...without } = answer;
  const explanation = { effectiveMethod, possible, dialect, missing, nearMiss, trace };
  const own = { ...explanation, reason: 'posture' as const, disconnectOption: false, posture: { ...cause, without } };
  const ofUser = answer.user === undefined ? {} : { user: answer.user };
  switch (action.kind) {
    case 'disconnect':
      return event === 'user-connect'
        ? { ...own, action: 'deny' }
        : { ...own, action: 'disconnect', reconnectAfterMin: null };
    case 'never-connect':
      if (event === 'user-connect') return { ...own, action: 'deny' };
      if (event !== 'user-disconnect') return { ...own, action: 'none' };
      // Whether the user may end a tunnel that is up is for the policy to say; it does not come back.
      return {
        ...answer,
        ...(answer.reconnectAfterMin === undefined ? {} : { reconnectAfterMin: null }),
        reason: 'posture',
        posture: own.posture,
      };
    case 'remediate':
      return event === 'user-disconnect' ? { ...own, action: 'deny' } : { ...own, ...ofUser, action: 'connect' };
    default:
      return assertNever(action);
  }
}
