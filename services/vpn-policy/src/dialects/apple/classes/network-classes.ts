import type { AppleContext, AppleReadings, AppleRule, ProbeAnswer } from '@quell/contracts/vpn-apple';
import { matchRule } from '../match-rule.ts';
import { addressAtoms, atomsWithin, domainAtoms } from './atoms.ts';
import { classesOf, type Dimension, listClasses } from './dimension.ts';

/** A rule, and how it is read. */
export type Read = { readonly rule: AppleRule; readonly readings: AppleReadings };

/** A class of networks: a context that stands for it, and for each rule whether all of its conditions hold there. */
export type NetworkClass = { readonly context: AppleContext; readonly holds: readonly boolean[] };

type Part = { readonly network?: AppleContext['network']; readonly probes?: Record<string, ProbeAnswer> };

/** What a probe can come to; each has a class of its own. */
export const probeAnswers = {
  ok: { status: 200 },
  redirected: { status: 200, redirected: true },
  failed: { error: 'timeout' },
  unanswered: {},
} as const satisfies Record<string, ProbeAnswer>;

/** The limit of the specification. */
export const CLASS_LIMIT = 2 ** 16;

/**
 * Every class of networks that the rules can tell apart, one context each; `null` when there are more than `limit`.
 * @param answers what probes may come to; a probe that nobody answered is a matter of time, and no class of networks
 */
export function networkClasses(
  reads: readonly Read[],
  answers: readonly ProbeAnswer[] = [probeAnswers.ok, probeAnswers.failed],
  limit: number = CLASS_LIMIT,
): Iterable<NetworkClass> | null {
  const listed = (key: 'SSIDMatch' | 'DNSDomainMatch' | 'DNSServerAddressMatch') => [
    ...new Set(reads.flatMap(({ rule }) => rule[key] ?? [])),
  ];
  const holding = (keys: readonly (keyof AppleRule)[], part: Part) =>
    reads.map(({ rule, readings }) => {
      const own = Object.fromEntries(keys.flatMap((key) => (rule[key] === undefined ? [] : [[key, rule[key]]])));
      const { verdict, pending } = matchRule({ Action: 'Ignore', ...own }, part, readings);
      return verdict === 'held' && !pending;
    });

  const ssids = [...new Set(['Elsewhere', ...listed('SSIDMatch').filter((ssid) => ssid !== '')])];
  const links = classesOf<Part>(
    [
      ...ssids.map((ssid) => ({ network: { interface: 'WiFi' as const, ssid } })),
      ...(['Ethernet', 'Cellular', 'Other'] as const).map((name) => ({ network: { interface: name, ssid: null } })),
      { network: { interface: 'WiFi', ssid: null } },
    ],
    (part) => holding(['InterfaceTypeMatch', 'SSIDMatch'], part),
  );
  const names = atomsWithin(listed('DNSDomainMatch'), domainAtoms);
  const addresses = atomsWithin(listed('DNSServerAddressMatch'), addressAtoms);
  if (names === null || addresses === null) return null;
  const domains = listClasses(
    names,
    (searchDomains) => holding(['DNSDomainMatch'], { network: { searchDomains: [...searchDomains] } }),
    reads.map(({ readings }) => readings.searchDomainsConsidered),
  );
  const servers = listClasses(
    addresses,
    (dnsServers) => holding(['DNSServerAddressMatch'], { network: { dnsServers: [...dnsServers] } }),
    reads.map(({ readings }) => readings.dnsServers),
  );
  if (domains === null || servers === null) return null;
  const urls = [...new Set(reads.flatMap(({ rule }) => rule.URLStringProbe ?? []))];
  const dimensions: Dimension<Part>[] = [
    links,
    domains.map(({ value, holds }) => ({ value: { network: { searchDomains: [...value] } }, holds })),
    servers.map(({ value, holds }) => ({ value: { network: { dnsServers: [...value] } }, holds })),
    ...urls.map((url) =>
      answers.map((answer) => ({
        value: { probes: { [url]: answer } },
        holds: reads.map(
          ({ rule }) => rule.URLStringProbe !== url || ('status' in answer && !('redirected' in answer)),
        ),
      })),
    ),
  ];
  const count = dimensions.reduce((product, dimension) => product * dimension.length, 1);
  return count > limit ? null : combined(dimensions, reads.length);
}

function* combined(dimensions: readonly Dimension<Part>[], rules: number): Generator<NetworkClass> {
  const [first, ...others] = dimensions;
  if (first === undefined) {
    yield {
      context: { vpn: 'disconnected', network: { primaryIsVirtual: false }, probes: {} },
      holds: Array.from({ length: rules }, () => true),
    };
    return;
  }
  for (const rest of combined(others, rules)) {
    for (const { value, holds } of first) {
      yield {
        context: {
          ...rest.context,
          network: { ...rest.context.network, ...value.network },
          probes: { ...rest.context.probes, ...value.probes },
        },
        holds: rest.holds.map((held, index) => held && holds[index] === true),
      };
    }
  }
}
