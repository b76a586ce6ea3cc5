import type { AppleContext, AppleReadings, AppleRule } from '@quell/contracts/vpn-apple';
import { canonicalAddress, canonicalPrefix } from '../match-address.ts';
import { stemOf } from '../match-domain.ts';
import { add, addAll, keepOnly, noRules, type RuleSet, RulesByEntry } from './rule-sets.ts';

type Network = NonNullable<AppleContext['network']>;

/** Adds to `found` the rules whose criterion holds. @returns whether the context says enough to know. */
export type Criterion = (network: Network, found: RuleSet) => boolean;

/** One criterion of all rules at once; `without` are the rules that do not have it, for which it holds. */
export type CriterionOfAll = { readonly without: RuleSet; readonly holds: Criterion };

/** The criteria that need no probe and that any of the rules has. */
export function compileCriteria(rules: readonly AppleRule[], readings: AppleReadings): readonly CriterionOfAll[] {
  const built: [keyof AppleRule, Criterion][] = [
    ['InterfaceTypeMatch', interfaces(rules)],
    ['SSIDMatch', ssids(rules)],
    ['DNSDomainMatch', domains(rules, readings)],
    ['DNSServerAddressMatch', servers(rules, readings)],
  ];
  return built.flatMap(([key, holds]) => {
    const without = noRules(rules.length);
    for (const [index, rule] of rules.entries()) if (rule[key] === undefined) add(without, index);
    return rules.every((rule) => rule[key] === undefined) ? [] : [{ without, holds }];
  });
}

/** Keeps in `candidates` the rules of which no criterion fails. @returns false when an input is unknown. */
export function narrow(
  candidates: RuleSet,
  criteria: readonly CriterionOfAll[],
  network: Network,
  scratch: RuleSet,
): boolean {
  for (const { without, holds } of criteria) {
    scratch.set(without);
    if (!holds(network, scratch)) return false;
    keepOnly(candidates, scratch);
  }
  return true;
}

function byEntry(rules: readonly AppleRule[], entriesOf: (rule: AppleRule) => readonly string[]): RulesByEntry {
  const index = new RulesByEntry(rules.length);
  for (const [at, rule] of rules.entries()) for (const entry of entriesOf(rule)) index.add(entry, at);
  return index;
}

function interfaces(rules: readonly AppleRule[]): Criterion {
  const known = byEntry(rules, ({ InterfaceTypeMatch }) => (InterfaceTypeMatch ? [InterfaceTypeMatch] : []));
  return (network, found) => {
    if (network.interface === undefined) return false;
    addAll(found, known.get(network.interface ?? ''));
    return true;
  };
}

function ssids(rules: readonly AppleRule[]): Criterion {
  const known = byEntry(rules, ({ SSIDMatch }) => SSIDMatch ?? []);
  return (network, found) => {
    if (network.interface !== 'WiFi') return network.interface !== undefined;
    if (network.ssid === undefined) return false;
    if (network.ssid !== null) addAll(found, known.get(network.ssid));
    return true;
  };
}

function domains(rules: readonly AppleRule[], readings: AppleReadings): Criterion {
  const { searchDomain: mode, bareStar, topLevelDomains, caseSensitive, searchDomainsConsidered } = readings;
  const fold = (text: string) => (caseSensitive ? text : text.toLowerCase());
  const undotted = (text: string) => fold(text.endsWith('.') ? text.slice(0, -1) : text);
  const known = byEntry(rules, ({ DNSDomainMatch = [] }) =>
    DNSDomainMatch.flatMap((entry) => {
      if (mode === 'equal') return undotted(entry) === '' ? [] : [undotted(entry)];
      const stem = entry === '*' ? '' : fold(stemOf(entry));
      return stem === '' || (mode === 'label-suffix' && !topLevelDomains && !stem.includes('.')) ? [] : [stem];
    }),
  );
  const stems = known.entries;
  const everywhere = noRules(rules.length);
  for (const [at, { DNSDomainMatch = [] }] of rules.entries()) {
    if (mode !== 'equal' && bareStar === 'all' && DNSDomainMatch.includes('*')) add(everywhere, at);
  }
  const addFor = (domain: string, found: RuleSet): void => {
    const own = undotted(domain);
    addAll(found, everywhere);
    if (mode === 'raw-suffix') {
      for (const [stem, set] of stems) if (own.endsWith(stem)) addAll(found, set);
      return;
    }
    addAll(found, known.get(own));
    if (mode === 'equal') return;
    for (let dot = own.indexOf('.'); dot !== -1; dot = own.indexOf('.', dot + 1)) {
      addAll(found, known.get(own.slice(dot + 1)));
    }
  };
  return ({ searchDomains }, found) => {
    if (searchDomains === undefined) return false;
    for (const domain of searchDomains) {
      addFor(domain, found);
      if (searchDomainsConsidered === 'first') break;
    }
    return true;
  };
}

function servers(rules: readonly AppleRule[], readings: AppleReadings): Criterion {
  const { canonicalAddresses, dnsServers: quantifier, noDnsServers } = readings;
  const canonical = (address: string) => (canonicalAddresses ? canonicalAddress(address) : address);
  const isPrefix = (entry: string) => entry.endsWith('*');
  const exact = byEntry(rules, ({ DNSServerAddressMatch = [] }) =>
    DNSServerAddressMatch.filter((entry) => entry !== '' && !isPrefix(entry)).map(canonical),
  );
  const prefixes = byEntry(rules, ({ DNSServerAddressMatch = [] }) =>
    DNSServerAddressMatch.filter(isPrefix).map((entry) => {
      const prefix = entry.slice(0, -1);
      return canonicalAddresses ? canonicalPrefix(prefix) : prefix;
    }),
  ).entries;
  const withEntries = noRules(rules.length);
  for (const [at, { DNSServerAddressMatch = [] }] of rules.entries()) {
    if (DNSServerAddressMatch.length > 0) add(withEntries, at);
  }
  const addFor = (server: string, found: RuleSet): void => {
    const own = canonical(server);
    addAll(found, exact.get(own));
    for (const [prefix, set] of prefixes) if (own.startsWith(prefix)) addAll(found, set);
  };
  const [every, one] = [noRules(rules.length), noRules(rules.length)];
  return ({ dnsServers }, found) => {
    if (dnsServers === undefined) return false;
    if (dnsServers.length === 0) {
      if (noDnsServers === 'holds') addAll(found, withEntries);
      return true;
    }
    if (quantifier === 'any') {
      for (const server of dnsServers) addFor(server, found);
      return true;
    }
    every.set(withEntries);
    for (const server of dnsServers) {
      one.fill(0);
      addFor(server, one);
      keepOnly(every, one);
    }
    addAll(found, every);
    return true;
  };
}
