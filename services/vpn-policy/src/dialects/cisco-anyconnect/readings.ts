import type { CiscoReadings } from '@quell/contracts/vpn-cisco';

/** The readings that hold unless a request switches them. */
export const ciscoReadings: CiscoReadings = {
  serverAddressInNever: true,
  leadingDotMatchesApex: true,
  redirectedIsFailure: false,
  alwaysFromIos7: 'if-needed',
};
