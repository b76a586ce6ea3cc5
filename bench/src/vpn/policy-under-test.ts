import type { AppleContext, ApplePayload, AppleRule } from '@quell/contracts/vpn-apple';

/** The criteria that every contender can express; the contexts have lower-case names and canonical addresses, so that all mean the same by them. */
export type BenchRule = Pick<
  AppleRule,
  'Action' | 'InterfaceTypeMatch' | 'SSIDMatch' | 'DNSDomainMatch' | 'DNSServerAddressMatch'
>;

const sites = ['berlin', 'oslo', 'lima', 'osaka', 'turin', 'quito'];

/** 20 rules as people write them: offices by SSID and search domain, data centres by DNS server, mobile, and the catch-all. */
export const rules: readonly BenchRule[] = [
  ...sites.map(
    (site): BenchRule => ({
      Action: 'Disconnect',
      InterfaceTypeMatch: 'WiFi',
      SSIDMatch: [`${site}-corp`, `${site}-lab`, `${site}-voice`],
    }),
  ),
  ...sites.map(
    (site): BenchRule => ({
      Action: 'Disconnect',
      InterfaceTypeMatch: 'Ethernet',
      DNSDomainMatch: [`${site}.corp.example.com`, `${site}.lab.example.com`],
    }),
  ),
  ...[10, 20, 30, 40].map(
    (net): BenchRule => ({
      Action: 'Ignore',
      DNSServerAddressMatch: [`10.${net}.*`, `172.16.${net}.53`, `172.17.${net}.53`],
    }),
  ),
  { Action: 'Ignore', InterfaceTypeMatch: 'WiFi', SSIDMatch: ['Airport', 'Hotel', 'Train', 'Cafe'] },
  { Action: 'Disconnect', DNSDomainMatch: ['partner.example.org', 'guest.example.net'] },
  { Action: 'Connect', InterfaceTypeMatch: 'Cellular' },
  { Action: 'Connect' },
];

export const payload: ApplePayload = { OnDemandEnabled: 1, OnDemandRules: rules as AppleRule[] };

export type BenchContext = { network: Required<NonNullable<AppleContext['network']>>; vpn: 'disconnected' };

/** Contexts that between them reach every rule. */
export function contexts(count: number): BenchContext[] {
  const pick = numbersFrom(20_261_123);
  const one = <T>(values: readonly T[]): T => values[pick(values.length)]!;
  return Array.from({ length: count }, () => {
    const site = one(sites);
    const interfaceType = one(['WiFi', 'WiFi', 'WiFi', 'Ethernet', 'Ethernet', 'Cellular'] as const);
    const ssid = one([`${site}-corp`, `${site}-voice`, 'Airport', 'Cafe', 'Home', 'FRITZ!Box 7590', 'linksys']);
    return {
      vpn: 'disconnected',
      network: {
        interface: interfaceType,
        ssid: interfaceType === 'WiFi' ? ssid : null,
        searchDomains: one([
          [`x.${site}.corp.example.com`],
          ['home.arpa'],
          ['guest.example.net'],
          ['lan', 'isp.example.org'],
          [],
        ]),
        dnsServers: one([
          [`10.${one([10, 20, 30, 40])}.0.53`],
          [`172.16.${one([10, 20, 30, 40])}.53`],
          ['192.168.178.1'],
          ['9.9.9.9', '1.1.1.1'],
        ]),
        primaryIsVirtual: false,
      },
    };
  });
}

/** Whole numbers below a bound, the same in every run (Park and Miller's generator). */
function numbersFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 48_271) % 0x7fff_ffff;
    return state % below;
  };
}
