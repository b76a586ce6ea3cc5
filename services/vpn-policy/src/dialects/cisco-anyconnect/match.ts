import type { CiscoReadings } from '@quell/contracts/vpn-cisco';

/** Whether a rule is an IP address, which the client does not take. Brackets and a prefix length do not hide one. */
export function isAddress(rule: string): boolean {
  const bare = rule.replace(/^\[|\]$/g, '').replace(/\/\d+$/, '');
  return /^\d{1,3}(\.\d{1,3}){3}$/.test(bare) || (bare.includes(':') && URL.canParse(`http://[${bare}]`));
}

/** A host as it is compared: in lower case, without the final dot of a fully qualified name. */
export function comparable(host: string): string {
  return host.toLowerCase().replace(/\.$/, '');
}

/** Whether a host is, or is under, what a rule names: `host.example.com`, `.example.com` or `.internal.example.com`. */
export function matchesRule(rule: string, host: string, readings: CiscoReadings): boolean {
  const own = comparable(host);
  const named = comparable(rule);
  const stem = named.replace(/^\.+/, '');
  if (stem === '') return false;
  const [apex, below] = named.startsWith('.')
    ? [readings.leadingDotMatchesApex, true]
    : [true, readings.hostRuleMatchesBelow];
  return (apex && own === stem) || (below && own.endsWith(`.${stem}`));
}

/** The host of a server address: `vpn.example.com`, `https://vpn.example.com/group` and `vpn.example.com:8443` are the same. */
export function serverHost(address: string): string {
  const url = address.includes('://') ? address : `https://${address}`;
  return URL.canParse(url) ? new URL(url).hostname : address;
}
