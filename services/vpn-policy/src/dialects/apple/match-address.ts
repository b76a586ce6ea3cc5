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
 * Whether a DNS server's address is one that `entry` means: equal, or with a trailing `*` a textual prefix.
 * @param canonical compare IPv6 addresses in the form of RFC 5952 instead of as written
 */
export function matchesAddress(entry: string, address: string, canonical: boolean): boolean {
  const own = canonical ? canonicalAddress(address) : address;
  if (entry.endsWith('*')) {
    const prefix = entry.slice(0, -1);
    return own.startsWith(canonical ? canonicalPrefix(prefix) : prefix);
  }
  return entry !== '' && own === (canonical ? canonicalAddress(entry) : entry);
}
