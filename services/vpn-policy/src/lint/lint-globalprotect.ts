import {
  type GlobalProtectContext,
  type GlobalProtectPolicy,
  type GlobalProtectReadings,
  globalProtectPlatform,
  globalProtectPolicy,
} from '@quell/contracts/vpn-globalprotect';
import type { GlobalProtectFinding, GlobalProtectLintAnswer } from '@quell/contracts/vpn-lint-globalprotect';
import { evaluateGlobalProtect } from '../dialects/globalprotect/evaluate.ts';
import {
  effectiveMethod,
  globalProtectReadingsWith,
  isAlwaysOn,
  type SwitchedGlobalProtectReadings,
} from '../dialects/globalprotect/methods.ts';
import { pointerToken } from '../evaluation/criterion.ts';
import { nearestKey } from './nearest-key.ts';
import { wrongDialect } from './wrong-dialect.ts';

type Subject = { readonly policy: GlobalProtectPolicy; readonly readings: GlobalProtectReadings };

/** Settings of the override policy. */
const overrideKeys = ['override', 'timeoutMin', 'maxUserOverrides'] as const;

/**
 * What a GlobalProtect portal configuration does not do on some platform, or does other than it looks, each with a context that shows it to
 * `/v1/vpn/evaluate`.
 * @param switched single points that are read otherwise
 */
export function lintGlobalProtect(
  policy: unknown,
  switched: SwitchedGlobalProtectReadings = {},
): GlobalProtectLintAnswer {
  const read = globalProtectPolicy.safeParse(policy);
  const dialect = 'globalprotect';
  const other = wrongDialect(policy, dialect);
  if (other !== null) return { dialect, findings: [other], undecided: [] };
  const unknown = unknownKeys(policy);
  if (!read.success) {
    const findings = [...unknown, ...read.error.issues.map((issue) => unreadable(policy, issue))];
    return { dialect, findings, undecided: [] };
  }
  const written = new Set(Object.keys(policy as object));
  const subject: Subject = { policy: read.data, readings: globalProtectReadingsWith(switched) };
  return {
    dialect,
    findings: [
      ...unknown,
      ...platforms(subject),
      ...preLogon(subject),
      ...overrides(subject, written),
      ...saml(subject),
    ],
    undecided: [],
  };
}

function witness({ policy, readings }: Subject, context: GlobalProtectContext): GlobalProtectFinding['witness'] {
  const [answer] = evaluateGlobalProtect(policy, context, readings).possible;
  return answer === undefined ? null : { context, answer };
}

/** UNKNOWN_KEY: keys without a meaning; what was meant by them is not in the configuration. */
function unknownKeys(policy: unknown): GlobalProtectFinding[] {
  const issues = globalProtectPolicy.strict().safeParse(policy).error?.issues ?? [];
  const keys = issues.flatMap((issue) => (issue.code === 'unrecognized_keys' ? issue.keys : []));
  return keys.map((key) => {
    const near = nearestKey(key, Object.keys(globalProtectPolicy.shape));
    return {
      rule: 'UNKNOWN_KEY',
      severity: 'error',
      place: `/${pointerToken(key)}`,
      why: `the configuration has no ${key}`,
      witness: null,
      fix: { text: near === null ? `remove ${key}` : `did you mean ${near}?`, patch: null },
    };
  });
}

function unreadable(
  policy: unknown,
  issue: { path: PropertyKey[]; code: string; message: string },
): GlobalProtectFinding {
  const found = issue.path.reduce<unknown>(
    (value, key) => (value as Record<PropertyKey, unknown> | null)?.[key],
    policy,
  );
  const word = issue.code === 'invalid_value' && typeof found === 'string';
  return {
    rule: found === undefined ? 'MISSING_REQUIRED_KEY' : word ? 'UNKNOWN_ENUM' : 'WRONG_TYPE',
    severity: 'error',
    place: issue.path.map((key) => `/${pointerToken(String(key))}`).join(''),
    why: issue.message,
    witness: null,
    fix: { text: 'write one of the values that the portal has there', patch: null },
  };
}

/** METHOD_NOT_ON_PLATFORM: where the app works by another method than the portal asks for. */
function platforms(subject: Subject): GlobalProtectFinding[] {
  const { policy, readings } = subject;
  return globalProtectPlatform.options.flatMap((platform): GlobalProtectFinding[] => {
    const effective = effectiveMethod(policy.connectMethod, platform, readings);
    if (effective.method === policy.connectMethod && !effective.invalid) return [];
    // At login the two differ, or at boot, where only pre-logon does anything.
    const event = isAlwaysOn(policy.connectMethod) && !isAlwaysOn(effective.method) ? 'user-login' : 'boot';
    return [
      {
        rule: 'METHOD_NOT_ON_PLATFORM',
        severity: isAlwaysOn(policy.connectMethod) && !isAlwaysOn(effective.method) ? 'warning' : 'info',
        place: '/connectMethod',
        why: `${platform} has no ${policy.connectMethod}: the app ${effective.invalid ? 'does not work there' : `works as with ${effective.method}`}`,
        witness: witness(subject, { platform, event, auth: 'certificate', machineCert: true }),
        fix: {
          text: `give ${platform} a configuration of its own, with ${effective.invalid ? 'a method that it has' : effective.method}`,
          patch: null,
        },
      },
    ];
  });
}

/** MACHINE_CERTIFICATE_NEEDED. */
function preLogon(subject: Subject): GlobalProtectFinding[] {
  const { policy } = subject;
  if (!policy.connectMethod.startsWith('pre-logon')) return [];
  return [
    {
      rule: 'MACHINE_CERTIFICATE_NEEDED',
      severity: 'warning',
      place: '/connectMethod',
      why: 'before anybody has signed in only a machine certificate opens the tunnel',
      witness: witness(subject, { platform: 'windows', event: 'boot', machineCert: false }),
      fix: { text: 'give every device a machine certificate first', patch: null },
    },
  ];
}

/** What the override policy does not do, or does without end. */
function overrides(subject: Subject, written: ReadonlySet<string>): GlobalProtectFinding[] {
  const { policy, readings } = subject;
  const hidden = policy.showIcon === false;
  const stop = { platform: 'windows', event: 'user-disconnect', machineCert: true, used: 0 } as const;
  const about = { severity: 'info', witness: witness(subject, stop) } as const;
  const alwaysOn = isAlwaysOn(policy.connectMethod);
  const dead = overrideKeys.filter(
    (key) => written.has(key) && (!alwaysOn || hidden || (policy.override === 'disabled' && key !== 'override')),
  );
  const findings = dead.map(
    (key): GlobalProtectFinding => ({
      ...about,
      rule: 'OVERRIDE_WITHOUT_EFFECT',
      severity: 'warning',
      place: `/${key}`,
      why: hidden
        ? 'without the icon of the app nobody can disconnect'
        : alwaysOn
          ? 'nobody may disconnect, so nothing is counted or timed'
          : 'with on-demand the user is free to disconnect',
      fix: { text: `remove ${key}`, patch: [{ op: 'remove', path: `/${key}` }] },
    }),
  );
  if (!alwaysOn || hidden || policy.override === 'disabled') return findings;
  if (policy.override === 'with-ticket' && readings.ticketOnAndroid === 'invalid') {
    findings.push({
      rule: 'TICKET_NOT_ON_ANDROID',
      severity: 'warning',
      place: '/override',
      why: 'the app for Android asks for a reason or a passcode, not for a ticket',
      witness: witness(subject, { ...stop, platform: 'android' }),
      fix: { text: 'give Android a configuration of its own, with-comment or with-passcode', patch: null },
    });
  }
  if (policy.timeoutMin === 0) {
    findings.push({
      ...about,
      rule: 'NEVER_RECONNECTS',
      severity: 'warning',
      place: '/timeoutMin',
      why: 'after a disconnect the app does not connect again by itself: 0 minutes are no end',
      fix: { text: 'say after how many minutes it connects again', patch: null },
    });
  }
  if (policy.maxUserOverrides === 0 && readings.zeroUserOverrides === 'no-limit') {
    findings.push({
      ...about,
      rule: 'NO_OVERRIDE_LIMIT',
      place: '/maxUserOverrides',
      why: '0 is as often as the user wants, not never',
      witness: witness(subject, { ...stop, used: 1000 }),
      fix: { text: 'a number of times, or override disabled', patch: null },
    });
  }
  return findings;
}

/** SAML_ON_IOS_ON_DEMAND_ONLY, by the compatibility matrix. */
function saml(subject: Subject): GlobalProtectFinding[] {
  const { policy, readings } = subject;
  const effective = effectiveMethod(policy.connectMethod, 'ios', readings);
  if (effective.invalid || effective.method === 'on-demand') return [];
  return [
    {
      rule: 'SAML_ON_IOS_ON_DEMAND_ONLY',
      severity: 'info',
      place: '/connectMethod',
      why: 'on iOS an app that signs in by SAML only connects on demand',
      witness: witness(subject, { platform: 'ios', event: 'user-login', auth: 'saml' }),
      fix: { text: 'give iOS a configuration of its own: on-demand, or another way of signing in', patch: null },
    },
  ];
}
