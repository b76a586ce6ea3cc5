/** XML of a profile around payload XML, one element a line. */
export function profile(payloads: string, more = ''): string {
  return `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
<key>PayloadType</key><string>Configuration</string>
<key>PayloadDisplayName</key><string>Example</string>
<key>PayloadIdentifier</key><string>org.example.profile</string>
${more}<key>PayloadContent</key>
<array>
${payloads}
</array>
</dict>
</plist>
`;
}

/** A VPN payload with its dictionary. */
export function vpn(dictionary: string, { type = 'IKEv2', more = '' } = {}): string {
  return `<dict>
<key>PayloadType</key><string>com.apple.vpn.managed</string>
<key>UserDefinedName</key><string>Office</string>
<key>VPNType</key><string>${type}</string>
${more}<key>${type}</key>
<dict>
${dictionary}
</dict>
</dict>`;
}

/** A plain value as XML of a property list. */
export function xml(value: unknown): string {
  if (Array.isArray(value)) return `<array>${value.map(xml).join('\n')}</array>`;
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).map(([key, one]) => `<key>${escaped(key)}</key>${xml(one)}`);
    return `<dict>${entries.join('\n')}</dict>`;
  }
  if (typeof value === 'number')
    return Number.isInteger(value) ? `<integer>${value}</integer>` : `<real>${value}</real>`;
  if (typeof value === 'boolean') return value ? '<true/>' : '<false/>';
  return `<string>${escaped(String(value))}</string>`;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('\r', '&#13;');
}

export const bytes = (text: string) => new TextEncoder().encode(text);
