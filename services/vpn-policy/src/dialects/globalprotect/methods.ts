import { assertNever } from '@quell/contracts/vocabulary';
import type { ConnectMethod, GlobalProtectPlatform, GlobalProtectReadings } from '@quell/contracts/vpn-globalprotect';

/** The readings that hold unless a request switches them. */
const globalProtectReadings: GlobalProtectReadings = {
  preLogonElsewhere: 'fall-back',
  linux: 'all-but-pre-logon',
  samlUnknownOnIos: 'not-saml',
  ticketOnAndroid: 'invalid',
  machineCertUnknownAtLogin: 'present',
  zeroUserOverrides: 'no-limit',
};

/** Single points of the readings. */
export type SwitchedGlobalProtectReadings = {
  readonly [K in keyof GlobalProtectReadings]?: GlobalProtectReadings[K] | undefined;
};

/** The readings with single ones switched. */
export function globalProtectReadingsWith(switched: SwitchedGlobalProtectReadings = {}): GlobalProtectReadings {
  const set = Object.entries(switched).filter(([, value]) => value !== undefined);
  return { ...globalProtectReadings, ...Object.fromEntries(set) };
}

/** What the app does on a platform with the method that the portal asks for. */
export type Effective = {
  readonly method: ConnectMethod;
  /** Why it is not the method asked for, or why the app cannot work so. */
  readonly reason?: 'PLATFORM_ON_DEMAND_ONLY' | 'PRE_LOGON_NOT_SUPPORTED' | 'PLATFORM_NOT_SUPPORTED';
  readonly invalid: boolean;
};

/** The table of platforms: Chrome OS cannot start an app by itself, so its app only connects on demand; pre-logon is for desktops. */
export function effectiveMethod(
  asked: ConnectMethod,
  platform: GlobalProtectPlatform,
  readings: GlobalProtectReadings,
): Effective {
  switch (platform) {
    case 'windows':
    case 'macos':
      return { method: asked, invalid: false };
    case 'chromeos':
      return asked === 'on-demand'
        ? { method: asked, invalid: false }
        : { method: 'on-demand', reason: 'PLATFORM_ON_DEMAND_ONLY', invalid: false };
    case 'linux':
      return readings.linux === 'unsupported'
        ? { method: asked, reason: 'PLATFORM_NOT_SUPPORTED', invalid: true }
        : withoutPreLogon(asked, readings);
    case 'ios':
    case 'android':
    case 'chromeos-android-app':
      return withoutPreLogon(asked, readings);
    default:
      return assertNever(platform);
  }
}

function withoutPreLogon(asked: ConnectMethod, readings: GlobalProtectReadings): Effective {
  if (asked === 'on-demand' || asked === 'user-logon') return { method: asked, invalid: false };
  if (readings.preLogonElsewhere === 'invalid')
    return { method: asked, reason: 'PRE_LOGON_NOT_SUPPORTED', invalid: true };
  const method = asked === 'pre-logon' ? 'user-logon' : 'on-demand';
  return { method, reason: 'PRE_LOGON_NOT_SUPPORTED', invalid: false };
}

/** Always-on methods connect by themselves, and are left only through the override policy. */
export function isAlwaysOn(method: ConnectMethod): boolean {
  return method === 'user-logon' || method === 'pre-logon';
}
