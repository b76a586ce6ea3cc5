import type { VpnFinding } from '@quell/contracts/vpn-lint';

type Dictionary = Readonly<Record<string, unknown>>;

const types = ['VPN', 'L2TP', 'IPSec', 'IKEv2', 'AlwaysOn', 'TransparentProxy'];

/** On-demand and idle keys by the dictionaries that have them. Source: com.apple.vpn.managed.yaml. */
const holders: Readonly<Record<string, readonly string[]>> = {
  OnDemandMatchDomainsAlways: ['VPN', 'IPSec'],
  OnDemandMatchDomainsOnRetry: ['VPN', 'IPSec'],
  OnDemandMatchDomainsNever: ['VPN', 'IPSec'],
  OnDemandUserOverrideDisabled: ['VPN', 'IKEv2'],
};

/**
 * Keys of a whole payload around its rules: VPNType, VPNSubType, keys that its dictionary does not have, a timer that nothing starts. No
 * context shows these: the evaluator is given the rules alone.
 * @param base JSON pointer to the dictionary with the rules; places are pointers into the payload
 */
export function payloadKeys(policy: unknown, base: string): VpnFinding[] {
  if (!isDictionary(policy)) return [];
  const payload = policy;
  if (!('VPNType' in payload)) {
    if (!('PayloadType' in payload)) return [];
    const why = 'without it nobody knows which dictionary of the payload is meant';
    return [finding('MISSING_REQUIRED_KEY', 'error', '/VPNType', why, 'name the kind of tunnel')];
  }
  const type = payload.VPNType;
  if (typeof type !== 'string' || !types.includes(type)) {
    const why = `${JSON.stringify(type)} is none of ${types.join(', ')}`;
    return [finding('UNKNOWN_ENUM', 'error', '/VPNType', why, 'name the kind of tunnel')];
  }
  const found: VpnFinding[] = [];
  if ((type === 'VPN' || type === 'TransparentProxy') && !payload.VPNSubType && 'PayloadType' in payload) {
    const why = `${type} is made by an app, and VPNSubType names it`;
    found.push(
      finding('MISSING_REQUIRED_KEY', 'warning', '/VPNSubType', why, 'write the bundle identifier of the app'),
    );
  }
  const inside = base === '' ? {} : payload[base.slice(1)];
  const dictionary = isDictionary(inside) ? inside : {};
  for (const [key, where] of Object.entries(holders)) {
    if (!(key in dictionary) || where.includes(base.slice(1))) continue;
    const why = `${base.slice(1)} does not have it, ${where.join(' and ')} do`;
    found.push(notApplicable(`${base}/${key}`, why, `remove ${key}`));
  }
  if ('DisconnectOnIdleTimer' in dictionary && dictionary.DisconnectOnIdle !== 1) {
    found.push(
      notApplicable(
        `${base}/DisconnectOnIdleTimer`,
        'it runs only with DisconnectOnIdle 1',
        'set DisconnectOnIdle to 1',
      ),
    );
  }
  if (type === 'AlwaysOn') {
    for (const key of Object.keys(payload).filter((one) => one.startsWith('OnDemand'))) {
      found.push(notApplicable(`/${key}`, 'AlwaysOn has no rules: the tunnel always stands', `remove ${key}`));
    }
  }
  return found;
}

function notApplicable(place: string, why: string, fix: string): VpnFinding {
  return finding('KEY_NOT_APPLICABLE', 'warning', place, why, fix);
}

function finding(
  rule: VpnFinding['rule'],
  severity: VpnFinding['severity'],
  place: string,
  why: string,
  text: string,
): VpnFinding {
  return { rule, severity, place, ruleIndex: null, why, witness: null, fix: { text, patch: null } };
}

function isDictionary(value: unknown): value is Dictionary {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
