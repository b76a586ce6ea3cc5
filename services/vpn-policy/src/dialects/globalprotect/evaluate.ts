import { assertNever } from '@quell/contracts/vocabulary';
import type { VpnStep } from '@quell/contracts/vpn-explanation';
import type {
  GlobalProtectAnswer,
  GlobalProtectContext,
  GlobalProtectOutcome,
  GlobalProtectPolicy,
  GlobalProtectReadings,
} from '@quell/contracts/vpn-globalprotect';
import { type Judged, judge, truth } from '../../evaluation/criterion.ts';
import { agreed, distinct } from '../../evaluation/possible.ts';
import { decideDisconnect } from './decide-disconnect.ts';
import { type Decided, nearestMiss, onCondition, stepOf, sure } from './decided.ts';
import {
  type Effective,
  effectiveMethod,
  globalProtectReadingsWith,
  isAlwaysOn,
  type SwitchedGlobalProtectReadings,
} from './methods.ts';

type Walk = Pick<Decided, 'outcomes' | 'missing'> & { readonly steps: readonly VpnStep[] };

/** What the GlobalProtect app would do at an event, and why. */
export function evaluateGlobalProtect(
  policy: GlobalProtectPolicy,
  context: GlobalProtectContext,
  switched: SwitchedGlobalProtectReadings = {},
): GlobalProtectAnswer {
  const readings = globalProtectReadingsWith(switched);
  const effective = effectiveMethod(policy.connectMethod, context.platform, readings);
  const walk = decide(policy, context, effective, readings);
  const possible = distinct(walk.outcomes);
  const [only] = possible;
  const outcome: GlobalProtectOutcome =
    possible.length === 1 && only !== undefined
      ? only
      : { action: agreed(possible, 'action', 'unknown' as const), reason: 'INPUT_UNKNOWN' };
  return {
    ...outcome,
    effectiveMethod: effective.method,
    possible,
    dialect: 'globalprotect',
    missing: [...walk.missing],
    nearMiss: nearestMiss(walk.steps),
    trace: [...walk.steps],
  };
}

/** The platform's method, whether one may sign in so, then the event. */
function decide(
  policy: GlobalProtectPolicy,
  context: GlobalProtectContext,
  effective: Effective,
  readings: GlobalProtectReadings,
): Walk {
  const kept = truth(effective.method === policy.connectMethod && !effective.invalid);
  const platform: VpnStep = {
    place: '/connectMethod',
    verdict: kept,
    action: effective.method,
    criteria: [{ name: 'platform', verdict: kept, wanted: policy.connectMethod, found: context.platform }],
  };
  if (effective.invalid && effective.reason !== undefined) {
    return { outcomes: [{ action: 'invalid', reason: effective.reason }], missing: [], steps: [platform] };
  }
  const signIn = signingIn(context, effective, readings);
  const steps = signIn === null ? [platform] : [platform, stepOf('/connectMethod', [], signIn)];
  if (signIn?.criteria.some(({ verdict }) => verdict === 'not-held')) return { ...signIn, steps };
  const event = atEvent(policy, context, effective, readings);
  const isOverride = context.event === 'user-disconnect' && (isAlwaysOn(effective.method) || policy.showIcon === false);
  const last = isOverride
    ? stepOf('/override', [], event)
    : stepOf(
        '/connectMethod',
        [{ name: 'event', verdict: 'held', wanted: context.event, found: context.event }],
        event,
      );
  return {
    outcomes: [...(signIn?.outcomes.filter(({ action }) => action === 'invalid') ?? []), ...event.outcomes],
    missing: [...(signIn?.missing ?? []), ...event.missing],
    steps: [...steps, last],
  };
}

/** Compatibility matrix: on iOS an app that signs in by SAML only connects on demand. `null`: any way of signing in will do. */
function signingIn(
  { platform, auth }: GlobalProtectContext,
  { method }: Effective,
  readings: GlobalProtectReadings,
): Decided | null {
  if (platform !== 'ios' || method === 'on-demand') return null;
  const wanted = 'no SAML';
  const judged: Judged =
    auth === undefined && readings.samlUnknownOnIos === 'not-saml'
      ? { criterion: { name: 'auth', verdict: 'held', wanted }, missing: [] }
      : judge('auth', wanted, auth, '/auth', (found) => found.toLowerCase() !== 'saml');
  return onCondition(judged, { action: 'none' }, { action: 'invalid', reason: 'SAML_IOS_ON_DEMAND_ONLY' });
}

function atEvent(
  policy: GlobalProtectPolicy,
  context: GlobalProtectContext,
  { method, reason }: Effective,
  readings: GlobalProtectReadings,
): Decided {
  const alwaysOn = isAlwaysOn(method);
  const disconnectOption = policy.showIcon !== false && (!alwaysOn || policy.override !== 'disabled');
  switch (context.event) {
    case 'boot':
      return method === 'pre-logon' || method === 'pre-logon-then-on-demand'
        ? atBoot(context)
        : sure({ action: 'none' });
    case 'user-login':
      if (!alwaysOn) return sure({ action: 'none', ...(reason === undefined ? {} : { reason }) });
      if (method === 'pre-logon') return afterPreLogon(context, disconnectOption, readings);
      return sure({ action: 'connect', disconnectOption });
    case 'user-connect':
      return sure({ action: 'connect', disconnectOption });
    case 'user-disconnect':
      if (policy.showIcon === false) {
        const icon = { name: 'showIcon', verdict: truth(false), wanted: true, found: false };
        return sure({ action: 'deny', reason: 'NO_APP_ICON' }, [icon]);
      }
      return alwaysOn ? decideDisconnect(policy, context, readings) : sure({ action: 'disconnect' });
    default:
      return assertNever(context.event);
  }
}

/** Before anybody has signed in only a machine certificate can open the tunnel. */
function atBoot({ machineCert }: GlobalProtectContext): Decided {
  return onCondition(
    judge('machineCert', true, machineCert, '/machineCert', (found) => found),
    { action: 'connect', user: 'pre-logon' },
    { action: 'deny', reason: 'MACHINE_CERT_REQUIRED' },
  );
}

/** The tunnel of the machine is up: it becomes the user's, by another name (Windows) or as a new one (macOS). */
function afterPreLogon(
  { platform, machineCert }: GlobalProtectContext,
  disconnectOption: boolean,
  readings: GlobalProtectReadings,
): Decided {
  const name = 'machineCert';
  const judged: Judged =
    machineCert === undefined && readings.machineCertUnknownAtLogin === 'present'
      ? { criterion: { name, verdict: 'held', wanted: true }, missing: [] }
      : judge(name, true, machineCert, '/machineCert', (found) => found);
  const action = platform === 'windows' ? 'reassign-tunnel' : 'recreate-tunnel';
  return onCondition(judged, { action, disconnectOption }, { action: 'connect', disconnectOption });
}
