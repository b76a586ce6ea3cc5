/** The dictionaries of a com.apple.vpn.managed payload that have on-demand keys, by the VPNType that looks at them. Source: its YAML. */
const dictionaries = ['VPN', 'IPSec', 'IKEv2', 'TransparentProxy'] as const;

/**
 * The VPN dictionary of a payload and where it stands in it, as a JSON pointer; what is none is taken as the dictionary itself, as AlwaysOn is,
 * which has no rules. Of a whole payload a client reads the dictionary that VPNType names and no other: where that is not there, or where the
 * type has none, the dictionary is empty, and stands where the type would have it, or at `/VPNType`.
 */
export function dictionaryOf(policy: unknown): { readonly dictionary: unknown; readonly base: string } {
  if (!isDictionary(policy) || policy.VPNType === 'AlwaysOn') return { dictionary: policy, base: '' };
  const type = dictionaries.find((name) => name === policy.VPNType);
  if ('PayloadType' in policy && policy.PayloadType !== 'com.apple.dnsSettings.managed') {
    if (type === undefined) return { dictionary: {}, base: '/VPNType' };
    return { dictionary: isDictionary(policy[type]) ? policy[type] : {}, base: `/${type}` };
  }
  const name =
    type !== undefined && isDictionary(policy[type]) ? type : dictionaries.find((one) => isDictionary(policy[one]));
  return name === undefined ? { dictionary: policy, base: '' } : { dictionary: policy[name], base: `/${name}` };
}

function isDictionary(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
