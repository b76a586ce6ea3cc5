import type { CiscoReadings } from '@quell/contracts/vpn-cisco';

/** Single points of the readings. */
export type SwitchedCiscoReadings = { readonly [K in keyof CiscoReadings]?: CiscoReadings[K] | undefined };

/** The readings with single ones switched. */
export function ciscoReadingsWith(switched: SwitchedCiscoReadings = {}): CiscoReadings {
  const set = Object.entries(switched).filter(([, value]) => value !== undefined);
  return { ...ciscoReadings, ...Object.fromEntries(set) };
}

/** The readings that hold unless a request switches them. */
const ciscoReadings: CiscoReadings = {
  certificatePolicyNoneDisables: true,
  serverAddressInNever: true,
  leadingDotMatchesApex: true,
  hostRuleMatchesBelow: true,
  redirectedIsFailure: false,
  alwaysFromIos7: 'if-needed',
};
