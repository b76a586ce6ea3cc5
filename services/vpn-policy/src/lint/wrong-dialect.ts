import { ciscoProfile } from '@quell/contracts/vpn-cisco';
import { globalProtectPolicy } from '@quell/contracts/vpn-globalprotect';
import { knownKeys } from '../dialects/apple/known-keys.ts';

type Vendor = 'apple' | 'cisco-anyconnect' | 'globalprotect';

/** Whether a key is one of a vendor's policies. Cisco's and GlobalProtect's keys are no keys of Apple's. */
const owns: Readonly<Record<Vendor, (key: string) => boolean>> = {
  apple: (key) => knownKeys.has(key) || /^ondemand/i.test(key),
  'cisco-anyconnect': (key) => Object.hasOwn(ciscoProfile.shape, key),
  globalprotect: (key) => Object.hasOwn(globalProtectPolicy.shape, key),
};

const names: Readonly<Record<Vendor, string>> = {
  apple: "Apple's (apple-mdm, apple-ne, apple-legacy)",
  'cisco-anyconnect': 'cisco-anyconnect',
  globalprotect: 'globalprotect',
};

/**
 * WRONG_DIALECT: the keys of a body are none of the vendor's. `null`: some are, or there are none at all.
 * @param within the body stands in a vendor's payload, where keys of nobody may be an app's own: only those of another vendor count
 */
export function wrongDialect(body: unknown, vendor: Vendor, within = false) {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return null;
  const keys = Object.keys(body);
  if (keys.length === 0 || keys.some(owns[vendor])) return null;
  const others = (Object.keys(owns) as Vendor[]).filter((one) => one !== vendor && keys.some(owns[one]));
  const [other] = others;
  if (within && other === undefined) return null;
  return {
    rule: 'WRONG_DIALECT' as const,
    severity: 'error' as const,
    place: '',
    why: `none of its keys is one of ${names[vendor]}${other === undefined ? '' : `; it looks like ${names[other]}`}`,
    witness: null,
    fix: { text: other === undefined ? 'give a policy' : `name the dialect ${names[other]}`, patch: null },
  };
}
