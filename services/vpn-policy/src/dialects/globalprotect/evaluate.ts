import { assertNever } from '@quell/contracts/vocabulary';
import type { VpnStep } from '@quell/contracts/vpn-explanation';
import type {
  GlobalProtectAnswer,
  GlobalProtectContext,
  GlobalProtectOutcome,
  GlobalProtectPolicy,
  GlobalProtectReadings,
} from '@quell/contracts/vpn-globalprotect';
import { truth } from '../../evaluation/criterion.ts';
import { agreed, distinct } from '../../evaluation/possible.ts';
import { decideDisconnect } from './decide-disconnect.ts';
import { type Effective, effectiveMethod, globalProtectReadings, isAlwaysOn } from './methods.ts';

type Decided = { readonly outcomes: readonly GlobalProtectOutcome[]; readonly missing: readonly string[] };

/** What the GlobalProtect app would do at an event, and why. */
export function evaluateGlobalProtect(
  policy: GlobalProtectPolicy,
  context: GlobalProtectContext,
  switched: { readonly [K in keyof GlobalProtectReadings]?: GlobalProtectReadings[K] | undefined } = {},
): GlobalProtectAnswer {
  const set = Object.entries(switched).filter(([, value]) => value !== undefined);
  const readings: GlobalProtectReadings = { ...globalProtectReadings, ...Object.fromEntries(set) };
  const effective = effectiveMethod(policy.connectMethod, context.platform, readings);
  const decided = decide(policy, context, effective, readings);
  const possible = distinct(decided.outcomes);
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
    missing: [...decided.missing],
    nearMiss: null,
    trace: trace(policy, context, effective, outcome),
  };
}

function decide(
  policy: GlobalProtectPolicy,
  context: GlobalProtectContext,
  effective: Effective,
  readings: GlobalProtectReadings,
): Decided {
  if (effective.invalid && effective.reason !== undefined) return sure({ action: 'invalid', reason: effective.reason });
  if (context.platform === 'ios' && effective.method !== 'on-demand') {
    const saml: GlobalProtectOutcome = { action: 'invalid', reason: 'SAML_IOS_ON_DEMAND_ONLY' };
    if (context.auth?.toLowerCase() === 'saml') return sure(saml);
    if (context.auth === undefined && readings.samlUnknownOnIos === 'unknown') {
      const other = atEvent(policy, context, effective, readings);
      return { outcomes: [saml, ...other.outcomes], missing: ['/auth', ...other.missing] };
    }
  }
  return atEvent(policy, context, effective, readings);
}

function atEvent(
  policy: GlobalProtectPolicy,
  context: GlobalProtectContext,
  { method, reason }: Effective,
  readings: GlobalProtectReadings,
): Decided {
  const alwaysOn = isAlwaysOn(method);
  const disconnectOption = !alwaysOn || policy.override !== 'disabled';
  switch (context.event) {
    case 'boot':
      return method === 'pre-logon' || method === 'pre-logon-then-on-demand'
        ? atBoot(context)
        : sure({ action: 'none' });
    case 'user-login':
      if (!alwaysOn) return sure({ action: 'none', ...(reason === undefined ? {} : { reason }) });
      if (method === 'pre-logon' && context.machineCert !== false) {
        // The tunnel of the machine is up: it becomes the user's, by another name (Windows) or as a new one (macOS).
        const action = context.platform === 'windows' ? 'reassign-tunnel' : 'recreate-tunnel';
        return sure({ action, disconnectOption });
      }
      return sure({ action: 'connect', disconnectOption });
    case 'user-connect':
      return sure({ action: 'connect', disconnectOption });
    case 'user-disconnect':
      return alwaysOn ? decideDisconnect(policy, context, readings) : sure({ action: 'disconnect' });
    default:
      return assertNever(context.event);
  }
}

/** Before anybody has signed in only a machine certificate can open the tunnel. */
function atBoot(context: GlobalProtectContext): Decided {
  const connect: GlobalProtectOutcome = { action: 'connect', user: 'pre-logon' };
  const deny: GlobalProtectOutcome = { action: 'deny', reason: 'MACHINE_CERT_REQUIRED' };
  if (context.machineCert === undefined) return { outcomes: [connect, deny], missing: ['/machineCert'] };
  return sure(context.machineCert ? connect : deny);
}

function sure(outcome: GlobalProtectOutcome): Decided {
  return { outcomes: [outcome], missing: [] };
}

function trace(
  policy: GlobalProtectPolicy,
  context: GlobalProtectContext,
  effective: Effective,
  outcome: GlobalProtectOutcome,
): VpnStep[] {
  const kept = truth(effective.method === policy.connectMethod && !effective.invalid);
  const decided = outcome.action === 'unknown' ? 'unknown' : 'held';
  const step = (place: string, name: string, found: unknown): VpnStep => ({
    place,
    verdict: decided,
    action: outcome.action,
    criteria: [{ name, verdict: decided, wanted: name === 'override' ? policy.override : context.event, found }],
  });
  const platform: VpnStep = {
    place: '/connectMethod',
    verdict: kept,
    action: effective.method,
    criteria: [{ name: 'platform', verdict: kept, wanted: policy.connectMethod, found: context.platform }],
  };
  const override = context.event === 'user-disconnect' && isAlwaysOn(effective.method) && !effective.invalid;
  return override
    ? [platform, step('/override', 'override', { used: context.used, limit: policy.maxUserOverrides })]
    : [platform, step('/connectMethod', 'event', context.event)];
}
