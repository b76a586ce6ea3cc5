import { isIP } from 'node:net';

/**
 * Whether any address is one that an entry of DNSServerAddressMatch means: an address, or with a trailing `*` the beginning of one.
 * @param canonical addresses are compared in the form of RFC 5952, which begins no number with a 0
 */
export function meansAddress(entry: string, canonical: boolean): boolean {
  if (!entry.endsWith('*')) return isIP(entry) !== 0;
  const prefix = entry.slice(0, -1);
  // Without a colon nobody can tell that the zeros stand before a group, so they stay.
  return beginsAddress(prefix) && !(canonical && /^0[0-9a-f]+$/i.test(prefix));
}

function beginsAddress(prefix: string): boolean {
  // A zone goes on as any text.
  if (prefix.includes('%')) return isIP(`${prefix}x`) === 6;
  if (prefix.includes(':')) {
    const groups = prefix.split(':');
    return groups.length <= 8 && groups.every((group) => /^[0-9a-f]{0,4}$/i.test(group)) && !/::.*::|:::/.test(prefix);
  }
  const octets = prefix.split('.');
  const last = octets.pop() ?? '';
  const isOctet = (text: string) => isIP(`${text}.0.0.0`) !== 0;
  return (
    (octets.length < 4 && octets.every(isOctet) && (last === '' || isOctet(last))) || /^[0-9a-f]{1,4}$/i.test(prefix)
  );
}

/** RFC 5952 text of an IPv6 address; anything else as it is, in lower case. */
export function canonicalAddress(text: string): string {
  const url = `http://[${text}]`;
  // The URL standard serialises IPv6 in that form; nothing is fetched.
  return text.includes(':') && URL.canParse(url) ? new URL(url).hostname.slice(1, -1) : text.toLowerCase();
}

/** The text before `*`, with what RFC 5952 would drop from its groups dropped. */
export function canonicalPrefix(text: string): string {
  return text.toLowerCase().replace(/(^|:)0+(?=[0-9a-f])/g, text.includes(':') ? '$1' : '$&');
}

/**
 * Whether a DNS server's address is one that any of `entries` means: equal, or with a trailing `*` a textual prefix. Entries are folded once,
 * so that long lists are compared with many addresses.
 * @param canonical compare IPv6 addresses in the form of RFC 5952 instead of as written
 */
export function compileAddresses(entries: readonly string[], canonical: boolean): (address: string) => boolean {
  const form = (address: string) => (canonical ? canonicalAddress(address) : address);
  const named = entries.filter((entry) => entry !== '' && !entry.endsWith('*'));
  const exact = new Set(named.map(form));
  const prefixes = entries
    .filter((entry) => entry.endsWith('*'))
    .map((entry) => (canonical ? canonicalPrefix(entry.slice(0, -1)) : entry.slice(0, -1)));
  return (address) => {
    const own = form(address);
    return exact.has(own) || prefixes.some((prefix) => own.startsWith(prefix));
  };
}
