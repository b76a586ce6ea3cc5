/** Case and a trailing dot make no difference in DNS. */
export function hostnameForm(hostname: string): string {
  return hostname.trim().toLowerCase().replace(/\.$/, '');
}

/** The canonical text of an address (RFC 5952); an IPv4 address mapped into IPv6 is the IPv4 address. */
export function ipForm(ip: string): string {
  if (!ip.includes(':')) return ip;
  const canonical = new URL(`http://[${ip}]/`).hostname.slice(1, -1);
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(canonical);
  if (mapped === null) return canonical;
  const [high, low] = [Number.parseInt(mapped[1]!, 16), Number.parseInt(mapped[2]!, 16)];
  return [high >> 8, high & 255, low >> 8, low & 255].join('.');
}

// The same on every machine that has such an adapter: Docker, VirtualBox host-only, VMware host, the WAN miniports of Windows.
const sharedMacs =
  /^(00:00:00:00:00:00|ff:ff:ff:ff:ff:ff|02:42:|0a:00:27:00:00:|00:50:56:c0:00:|20:41:53:59:4e:|50:50:54:50:30:30|33:50:6f:45:30:30)/;

/** Whether few machines have this adapter address; `mac` in lower case with colons. */
export function tellsApartMac(mac: string): boolean {
  return !sharedMacs.test(mac);
}

/** Whether a name, in the form of `hostnameForm`, is not one that every machine has. */
export function tellsApartHostname(hostname: string): boolean {
  return !/^($|localhost($|\.))/.test(hostname);
}
