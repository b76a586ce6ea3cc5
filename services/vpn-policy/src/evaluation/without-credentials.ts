import { WITHHELD } from '@quell/contracts/vpn-formats';

/** What a name says in whatever it stands. */
const credential = /passw|passphrase|passcode|pwd|secret|token|credential|signature/i;
/** What means a credential as a word of its own, and in other words, such as keyword, postcode and design, something else. */
const words = new Set('pass pw pin otp psk key keys sig auth authorization authentication cred creds code'.split(' '));
/** Words like these that are written as one with what they are of. */
const compound =
  /(access|account|api|app|auth|client|crypt|login|private|session|shared|sign|signing|user)(auth|code|key|pass|sig)/i;

function namesCredential(name: string): boolean {
  const text = name.replace(/%([0-9a-f]{2})/gi, (_, byte: string) => String.fromCharCode(Number.parseInt(byte, 16)));
  const parts = text.replace(/([a-z])(?=[A-Z])/g, '$1 ').split(/[^A-Za-z]+/);
  return credential.test(text) || compound.test(text) || parts.some((part) => words.has(part.toLowerCase()));
}

/** Text without what a URL carries as a password or token. */
export function withoutCredentials(text: string): string {
  // Lengths are bounded so that no text makes this slow.
  return text
    .replace(/([a-z][a-z0-9+.-]{0,30}:\/\/)[^/?#\s]{0,2000}@/gi, `$1${WITHHELD}@`)
    .replace(/([?&#;])([^=&#;?\s]{1,100})=([^&#;\s]+)/g, (whole, mark: string, name: string) =>
      namesCredential(name) ? `${mark}${name}=${WITHHELD}` : whole,
    );
}
