import type { AppleContext, AppleReadings, AppleRule } from '@quell/contracts/vpn-apple';
import { canonicalAddress, matchesAddress } from '../match-address.ts';
import { compileDomains } from './domains.ts';

type Network = NonNullable<AppleContext['network']>;

/** A condition of a rule: whether it holds, or `undefined` when the context does not say. */
export type Condition = (network: Network) => boolean | undefined;

/** The conditions of a rule that need no probe, in the order in which the client looks at them. */
export function compileConditions(rule: AppleRule, readings: AppleReadings): readonly Condition[] {
  const { InterfaceTypeMatch, SSIDMatch, DNSDomainMatch, DNSServerAddressMatch } = rule;
  const conditions: Condition[] = [];
  if (InterfaceTypeMatch !== undefined) {
    conditions.push((network) =>
      network.interface === undefined ? undefined : network.interface === InterfaceTypeMatch,
    );
  }
  if (SSIDMatch !== undefined) conditions.push(ssidCondition(SSIDMatch));
  if (DNSDomainMatch !== undefined) conditions.push(domainCondition(DNSDomainMatch, readings));
  if (DNSServerAddressMatch !== undefined) conditions.push(serverCondition(DNSServerAddressMatch, readings));
  return conditions;
}

const never: Condition = () => false;

function ssidCondition(entries: readonly string[]): Condition {
  if (entries.length === 0) return never;
  const names = new Set(entries);
  return (network) => {
    if (network.interface === undefined) return undefined;
    if (network.interface !== 'WiFi') return false;
    return network.ssid === undefined ? undefined : network.ssid !== null && names.has(network.ssid);
  };
}

function domainCondition(entries: readonly string[], readings: AppleReadings): Condition {
  if (entries.length === 0) return never;
  const matches = compileDomains(entries, readings.searchDomain, readings);
  return ({ searchDomains }) => {
    if (searchDomains === undefined) return undefined;
    const [first] = searchDomains;
    if (readings.searchDomainsConsidered === 'first') return first !== undefined && matches(first);
    return searchDomains.some(matches);
  };
}

function serverCondition(entries: readonly string[], readings: AppleReadings): Condition {
  if (entries.length === 0) return never;
  const { canonicalAddresses } = readings;
  const canonical = (address: string) => (canonicalAddresses ? canonicalAddress(address) : address);
  const prefixes = entries.filter((entry) => entry.endsWith('*'));
  const exact = new Set(entries.filter((entry) => entry !== '' && !entry.endsWith('*')).map(canonical));
  const listed = (server: string) =>
    exact.has(canonical(server)) || prefixes.some((entry) => matchesAddress(entry, server, canonicalAddresses));
  return ({ dnsServers }) => {
    if (dnsServers === undefined) return undefined;
    if (dnsServers.length === 0) return readings.noDnsServers === 'holds';
    return readings.dnsServers === 'any' ? dnsServers.some(listed) : dnsServers.every(listed);
  };
}
