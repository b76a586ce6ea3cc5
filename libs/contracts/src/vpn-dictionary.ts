const dictionaries = ['VPN', 'IPSec', 'IKEv2', 'TransparentProxy'] as const;

/** The VPN dictionary of a payload and where it stands in it; what is none is taken as the dictionary itself. */
export function dictionaryOf(policy: unknown): { readonly dictionary: unknown; readonly base: string } {
  if (!isDictionary(policy)) return { dictionary: policy, base: '' };
  const type = dictionaries.find((name) => name === policy.VPNType && isDictionary(policy[name]));
  const name = type ?? dictionaries.find((one) => isDictionary(policy[one]));
  const lacking = dictionaries.find((one) => one === policy.VPNType);
  // A whole payload without the dictionary that its VPNType names has no rules, whatever stands around where it would be.
  if (name === undefined && lacking !== undefined && 'PayloadType' in policy) {
    return { dictionary: {}, base: `/${lacking}` };
  }
  return name === undefined ? { dictionary: policy, base: '' } : { dictionary: policy[name], base: `/${name}` };
}

function isDictionary(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
