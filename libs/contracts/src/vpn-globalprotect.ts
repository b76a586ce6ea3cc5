import { z } from 'zod';
import { contextText } from './vpn-apple.ts';
import { vpnExplanation } from './vpn-explanation.ts';

export const connectMethod = z.enum(['on-demand', 'user-logon', 'pre-logon', 'pre-logon-then-on-demand']);
export type ConnectMethod = z.infer<typeof connectMethod>;

export const globalProtectPlatform = z.enum([
  'windows',
  'macos',
  'linux',
  'ios',
  'android',
  'chromeos',
  'chromeos-android-app',
]);
export type GlobalProtectPlatform = z.infer<typeof globalProtectPlatform>;

export const globalProtectOverride = z.enum(['allow', 'with-comment', 'with-passcode', 'with-ticket', 'disabled']);
export type GlobalProtectOverride = z.infer<typeof globalProtectOverride>;

/** What the portal's agent configuration says. */
export const globalProtectPolicy = z.object({
  connectMethod,
  /** "Allow user to disconnect"; only for always-on methods. */
  override: globalProtectOverride.default('with-comment'),
  /** Minutes until the app connects again after a disconnect; 0 = never by itself. */
  timeoutMin: z.number().min(0).default(0),
  /** How often a user may disconnect; 0 = as often as wanted. */
  maxUserOverrides: z.int().min(0).default(0),
  /** Whether the app's icon is shown, absent: it is; without it nobody can disconnect. */
  showIcon: z.boolean().optional(),
});
export type GlobalProtectPolicy = z.infer<typeof globalProtectPolicy>;

export const globalProtectEvent = z.enum(['boot', 'user-login', 'user-connect', 'user-disconnect']);

export const globalProtectContext = z.object({
  platform: globalProtectPlatform,
  event: globalProtectEvent,
  /** `saml`, or any other way of signing in. */
  auth: contextText.optional(),
  machineCert: z.boolean().optional(),
  /** Disconnects that the user already had. */
  used: z.int().min(0).optional(),
});
export type GlobalProtectContext = z.infer<typeof globalProtectContext>;

/** Judgement calls and unverified cells; sources in services/vpn-policy/README.md. */
export const globalProtectReadings = z.strictObject({
  /** Where pre-logon does not exist: what the app does instead. */
  preLogonElsewhere: z.enum(['fall-back', 'invalid']),
  linux: z.enum(['all-but-pre-logon', 'unsupported']),
  samlUnknownOnIos: z.enum(['not-saml', 'unknown']),
  ticketOnAndroid: z.enum(['invalid', 'challenge']),
  /** At login after pre-logon: whether a device of which `machineCert` is not known has its tunnel up. */
  machineCertUnknownAtLogin: z.enum(['present', 'unknown']),
  /** What `maxUserOverrides: 0` allows. */
  zeroUserOverrides: z.enum(['no-limit', 'none']),
});
export type GlobalProtectReadings = z.infer<typeof globalProtectReadings>;

export const globalProtectEvaluateRequest = z.strictObject({
  dialect: z.literal('globalprotect'),
  ...globalProtectPolicy.shape,
  ...globalProtectContext.shape,
  readings: globalProtectReadings.partial().optional(),
});

export const globalProtectOutcome = z.object({
  action: z.enum([
    'none',
    'connect',
    'disconnect',
    'challenge',
    'deny',
    'invalid',
    'reassign-tunnel',
    'recreate-tunnel',
    'unknown',
  ]),
  /** Whether the app then offers to disconnect. */
  disconnectOption: z.boolean().optional(),
  challenge: z.enum(['comment', 'passcode', 'ticket']).optional(),
  reason: z
    .enum([
      'INPUT_UNKNOWN',
      'MACHINE_CERT_REQUIRED',
      'MAX_OVERRIDES_REACHED',
      'NO_APP_ICON',
      'OVERRIDE_DISABLED',
      'PLATFORM_NOT_SUPPORTED',
      'PLATFORM_ON_DEMAND_ONLY',
      'PRE_LOGON_NOT_SUPPORTED',
      'SAML_IOS_ON_DEMAND_ONLY',
      'TICKET_NOT_SUPPORTED_ON_ANDROID',
    ])
    .optional(),
  /** Whose tunnel it is. */
  user: z.string().optional(),
  /** `null`: not by itself. */
  reconnectAfterMin: z.number().nullable().optional(),
});
export type GlobalProtectOutcome = z.infer<typeof globalProtectOutcome>;

export const globalProtectAnswer = globalProtectOutcome.extend({
  effectiveMethod: connectMethod,
  possible: z.array(globalProtectOutcome).min(1),
  ...vpnExplanation.shape,
});
export type GlobalProtectAnswer = z.infer<typeof globalProtectAnswer>;
