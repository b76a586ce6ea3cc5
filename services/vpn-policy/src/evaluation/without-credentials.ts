import { WITHHELD } from '@quell/contracts/vpn-formats';

/** What means a credential wherever it stands in a name, for names are written as one: `dbpass`, `licensekey`. Rather too much than too little. */
const credential = /pass|pwd|pw$|psk|secret|token|key|sig|auth|cred|code|jwt|session|sessid|ticket/i;
/** What does so as a word of its own only: `side` and `shopping` are none. */
const words = new Set('pin otp sid'.split(' '));
/** Words in which such a piece means something else. */
const harmless = new Set(
  `keyboard keyframe keynote keypad keyword monkey turkey
  assign assigned assignee design designer insight sight signal significant
  author authority credit
  areacode barcode codec countrycode currencycode decode decoder encode encoder errorcode geocode langcode languagecode postalcode postcode
  statuscode transcode unicode zipcode
  bypass compass encompass passage passenger passive surpass`.split(/\s+/),
);

function isHarmless(word: string): boolean {
  const lower = word.toLowerCase();
  return harmless.has(lower) || harmless.has(lower.replace(/s$/, ''));
}

function namesCredential(name: string): boolean {
  const text = name.replace(/%([0-9a-f]{2})/gi, (_, byte: string) => String.fromCharCode(Number.parseInt(byte, 16)));
  return text
    .split(/[^A-Za-z]+/)
    .filter((run) => !isHarmless(run))
    .some((run) => {
      const parts = run.split(/(?<=[a-z])(?=[A-Z])/).filter((part) => !isHarmless(part));
      return credential.test(parts.join('')) || parts.some((part) => words.has(part.toLowerCase()));
    });
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
