import { jsonPointer } from '@quell/contracts/problem';
import { WITHHELD } from '@quell/contracts/vpn-formats';
import type { VpnPolicyBody } from '@quell/contracts/vpn-policy-body';
import { knownKeys, secretName } from '../dialects/apple/known-keys.ts';
import { withoutCredentials } from '../evaluation/without-credentials.ts';

/** A policy without what may be a secret, or where a secret stands that decisions hang on. */
export type WithheldBody =
  | { readonly body: VpnPolicyBody; readonly withheld: readonly string[] }
  | { readonly errors: readonly { readonly pointer: string; readonly detail: string }[] };

const probes = new Set(['URLStringProbe', 'RequiredURLStringProbe']);

/**
 * Takes secrets out of a policy before it is stored or shown: a mark stands in place of each value whose key looks like a secret's, or, in an
 * Apple dictionary, is none that Apple documents; and in place of what a URL carries as a password. A probe's URL is compared with what a
 * context says of it, so one with a credential is refused instead.
 */
export function withholdSecrets(body: VpnPolicyBody): WithheldBody {
  const withheld: string[] = [];
  const errors: { pointer: string; detail: string }[] = [];

  const take = (value: unknown, path: readonly (string | number)[], inApple: boolean): unknown => {
    const key = path.findLast((part) => typeof part === 'string') ?? '';
    const pointer = jsonPointer(path);
    const vendors = inApple && key === 'VendorConfig' && typeof value !== 'object';
    if (vendors || (path.length > 1 && (secretName.test(String(key)) || inApple) && !knownKeys.has(String(key)))) {
      withheld.push(pointer);
      return WITHHELD;
    }
    if (typeof value === 'string') {
      const isProbe = probes.has(String(key));
      // Names of networks, domains and servers are compared as they are, whatever they look like.
      if (!isProbe && path.some((part) => String(part).startsWith('OnDemand'))) return value;
      const scrubbed = withoutCredentials(value);
      if (scrubbed === value) return value;
      if (isProbe) errors.push({ pointer, detail: 'carries a credential, which is not stored' });
      withheld.push(pointer);
      return scrubbed;
    }
    if (Array.isArray(value)) return value.map((item, index) => take(item, [...path, index], inApple));
    if (typeof value === 'object' && value !== null) {
      return Object.fromEntries(
        Object.entries(value).map(([name, member]) => [name, take(member, [...path, name], inApple)]),
      );
    }
    return value;
  };

  const taken = (
    'payload' in body
      ? { ...body, payload: take(body.payload, ['payload'], true) }
      : 'profile' in body
        ? { ...body, profile: take(body.profile, ['profile'], false) }
        : body
  ) as VpnPolicyBody;
  return errors.length > 0 ? { errors } : { body: taken, withheld };
}
