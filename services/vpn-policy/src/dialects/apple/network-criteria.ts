import type { AppleContext, AppleReadings, AppleRule } from '@quell/contracts/vpn-apple';
import { all, type Judged, judge, neverHolds, truth } from '../../evaluation/criterion.ts';
import { compileDomains } from './compiled/domains.ts';
import { compileAddresses } from './match-address.ts';

/**
 * The conditions of a rule that need no probe, in the order in which Apple's source looks at them:
 * interface, SSID, search domains, DNS servers. A key that is absent is no condition.
 */
export function networkCriteria(
  rule: AppleRule,
  network: NonNullable<AppleContext['network']>,
  readings: AppleReadings,
): readonly (() => Judged)[] {
  const { InterfaceTypeMatch, SSIDMatch, DNSDomainMatch, DNSServerAddressMatch } = rule;
  const criteria: (() => Judged)[] = [];
  if (InterfaceTypeMatch !== undefined) {
    criteria.push(() =>
      judge(
        'InterfaceTypeMatch',
        InterfaceTypeMatch,
        network.interface,
        '/network/interface',
        (found) => found === InterfaceTypeMatch,
      ),
    );
  }
  if (SSIDMatch !== undefined) criteria.push(() => ssid(SSIDMatch, network));
  if (DNSDomainMatch !== undefined) {
    criteria.push(() =>
      judgeList('DNSDomainMatch', DNSDomainMatch, network.searchDomains, '/network/searchDomains', (domains) => {
        const considered = readings.searchDomainsConsidered === 'first' ? domains.slice(0, 1) : domains;
        return considered.some(compileDomains(DNSDomainMatch, readings.searchDomain, readings));
      }),
    );
  }
  if (DNSServerAddressMatch !== undefined) {
    criteria.push(() =>
      judgeList(
        'DNSServerAddressMatch',
        DNSServerAddressMatch,
        network.dnsServers,
        '/network/dnsServers',
        (servers) => {
          if (servers.length === 0) return readings.noDnsServers === 'holds';
          const listed = compileAddresses(DNSServerAddressMatch, readings.canonicalAddresses);
          return readings.dnsServers === 'any' ? servers.some(listed) : servers.every(listed);
        },
      ),
    );
  }
  return criteria;
}

/** An empty list holds for nothing, so the context need not be known. */
function judgeList(
  name: string,
  wanted: readonly string[],
  found: readonly string[] | undefined,
  pointer: string,
  holds: (found: readonly string[]) => boolean,
): Judged {
  return wanted.length === 0 ? neverHolds(name, wanted) : judge(name, wanted, found, pointer, holds);
}

/** Wi-Fi and an exact, case-sensitive member. */
function ssid(wanted: readonly string[], network: NonNullable<AppleContext['network']>): Judged {
  if (wanted.length === 0) return neverHolds('SSIDMatch', wanted);
  const wifi = network.interface === undefined ? 'unknown' : truth(network.interface === 'WiFi');
  const member = network.ssid === undefined ? 'unknown' : truth(network.ssid !== null && wanted.includes(network.ssid));
  const verdict = all([wifi, member]);
  const missing = [
    ...(wifi === 'unknown' ? ['/network/interface'] : []),
    ...(member === 'unknown' ? ['/network/ssid'] : []),
  ];
  return {
    criterion: {
      name: 'SSIDMatch',
      verdict,
      wanted,
      ...(network.ssid === undefined ? {} : { found: network.ssid }),
    },
    missing: verdict === 'unknown' ? missing : [],
  };
}
