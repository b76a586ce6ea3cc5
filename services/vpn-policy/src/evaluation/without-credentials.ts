import { WITHHELD } from '@quell/contracts/vpn-formats';

/** Names of parameters that carry a credential. */
const credential = /pass|secret|token|key|sig|auth|cred|code/i;

/** Text without what a URL carries as a password or token. */
export function withoutCredentials(text: string): string {
  // Lengths are bounded so that no text makes this slow.
  return text
    .replace(/([a-z][a-z0-9+.-]{0,30}:\/\/)[^/?#\s]{0,2000}@/gi, `$1${WITHHELD}@`)
    .replace(/([?&#;])([^=&#;?\s]{1,100})=([^&#;\s]+)/g, (whole, mark: string, name: string) =>
      credential.test(name) ? `${mark}${name}=${WITHHELD}` : whole,
    );
}
