import type { AppleDialect, AppleReadings } from '@quell/contracts/vpn-apple';

/** apple/device-management YAML with the wording of dnsSettings: the default. */
const mdm: AppleReadings = {
  dnsServers: 'any',
  noDnsServers: 'fails',
  canonicalAddresses: true,
  searchDomain: 'label-suffix',
  searchDomainsConsidered: 'any',
  host: 'label-suffix',
  listHost: 'label-suffix',
  bareStar: 'none',
  topLevelDomains: true,
  caseSensitive: false,
  alwaysList: 'on-retry',
  neverListStopsConnect: false,
  unansweredRuleProbe: 'pending',
  unansweredRequiredProbe: 'pending',
  requiredProbeRedirect: 'succeeds',
  redirectedFailsLists: false,
  manualStopPauses: false,
};

const readingsOf: Readonly<Record<AppleDialect, AppleReadings>> = {
  'apple-mdm': mdm,
  // NEOnDemandRule.h and its documentation.
  'apple-ne': { ...mdm, dnsServers: 'each', searchDomain: 'equal', topLevelDomains: false },
  // ppp-847 network_detection.c and configd SCNetworkConnection.c.
  'apple-legacy': {
    ...mdm,
    dnsServers: 'each',
    noDnsServers: 'holds',
    canonicalAddresses: false,
    searchDomain: 'raw-suffix',
    searchDomainsConsidered: 'first',
    host: 'raw-suffix',
    listHost: 'raw-suffix',
    bareStar: 'all',
    caseSensitive: true,
    alwaysList: 'immediate',
    neverListStopsConnect: true,
    unansweredRequiredProbe: 'failed',
    manualStopPauses: true,
  },
};

/** Single points of a reading. */
export type SwitchedReadings = { readonly [K in keyof AppleReadings]?: AppleReadings[K] | undefined };

/** The readings of a named dialect with single ones switched. */
export function appleReadings(dialect: AppleDialect, switched: SwitchedReadings = {}): AppleReadings {
  const set = Object.entries(switched).filter(([, value]) => value !== undefined);
  return { ...readingsOf[dialect], ...Object.fromEntries(set) };
}
