import type { AppleDialect, AppleReadings } from '@quell/contracts/vpn-apple';

type Three<K extends keyof AppleReadings> = readonly [AppleReadings[K], AppleReadings[K], AppleReadings[K]];

/** The table of the specification again, for the two naive readings: a column for each dialect. Shares nothing with the evaluator's. */
const points: { readonly [K in keyof AppleReadings]: Three<K> } = {
  dnsServers: ['any', 'each', 'each'],
  noDnsServers: ['fails', 'fails', 'holds'],
  canonicalAddresses: [true, true, false],
  searchDomain: ['label-suffix', 'equal', 'raw-suffix'],
  searchDomainsConsidered: ['any', 'any', 'first'],
  host: ['label-suffix', 'label-suffix', 'raw-suffix'],
  listHost: ['label-suffix', 'label-suffix', 'raw-suffix'],
  bareStar: ['none', 'none', 'all'],
  topLevelDomains: [true, false, true],
  caseSensitive: [false, false, true],
  alwaysList: ['on-retry', 'on-retry', 'immediate'],
  neverListStopsConnect: [false, false, true],
  unansweredRuleProbe: ['pending', 'pending', 'pending'],
  unansweredRequiredProbe: ['pending', 'pending', 'failed'],
  requiredProbeRedirect: ['succeeds', 'succeeds', 'succeeds'],
  redirectedFailsLists: [false, false, false],
  manualStopPauses: [false, false, true],
};

export function naivePoints(dialect: AppleDialect, switched: Partial<AppleReadings> = {}): AppleReadings {
  const column = ['apple-mdm', 'apple-ne', 'apple-legacy'].indexOf(dialect);
  const own = Object.entries(points).map(([key, values]) => [key, values[column]]);
  return { ...(Object.fromEntries(own) as AppleReadings), ...switched };
}
