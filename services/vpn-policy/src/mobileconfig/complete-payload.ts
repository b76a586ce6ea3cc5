import { uuidv5 } from '@quell/contracts/uuidv5';
import type { VpnExportRequest } from '@quell/contracts/vpn-formats';

type AppleTarget = Extract<VpnExportRequest, { target: 'apple' }>;

/** Namespace of the ids of exported payloads: the same policy under the same identifier is the same payload on a device. */
const EXPORTS = '6d8a3f0e-0a5c-5a35-9d2b-3f4d8e0c6b17';

/** Dictionaries of a payload, by its VPNType. */
const dictionaries = ['VPN', 'IPSec', 'IKEv2', 'TransparentProxy', 'AlwaysOn', 'PPP'];

/** What a device needs beside rules to make a connection. Source: `presence: required` in com.apple.vpn.managed.yaml. */
const needed: Readonly<Record<string, readonly string[]>> = {
  VPN: ['/VPNSubType', '/VPN/AuthenticationMethod', '/VPN/RemoteAddress'],
  IPSec: ['/IPSec/AuthenticationMethod', '/IPSec/RemoteAddress'],
  IKEv2: ['/IKEv2/AuthenticationMethod', '/IKEv2/LocalIdentifier', '/IKEv2/RemoteAddress', '/IKEv2/RemoteIdentifier'],
  TransparentProxy: ['/VPNSubType', '/TransparentProxy/AuthenticationMethod'],
};

/** A whole payload: as it is, or a VPN dictionary put into one; with the keys that every payload has, and ids that follow from it. */
export function completePayload(
  policy: Readonly<Record<string, unknown>>,
  index: number,
  { identifier, name, vpnType }: Pick<AppleTarget, 'identifier' | 'name' | 'vpnType'>,
): Record<string, unknown> {
  const whole = isWhole(policy) ? policy : { VPNType: vpnType, UserDefinedName: name, [vpnType]: policy };
  const PayloadIdentifier = whole.PayloadIdentifier ?? `${identifier}.${index}`;
  return {
    PayloadType: 'com.apple.vpn.managed',
    PayloadVersion: 1,
    PayloadDisplayName: name,
    ...whole,
    PayloadIdentifier,
    PayloadUUID: payloadUuid([identifier, index, PayloadIdentifier, whole]),
  };
}

/** The deterministic PayloadUUID of something that JSON can write. */
export function payloadUuid(content: unknown): string {
  return uuidv5(JSON.stringify(content), EXPORTS).toUpperCase();
}

/** The keys that a payload lacks to make a connection, as JSON pointers. */
export function lacking(payload: Readonly<Record<string, unknown>>): readonly string[] {
  if (payload.PayloadType === 'com.apple.dnsSettings.managed') return [];
  return (needed[String(payload.VPNType)] ?? []).filter((place) => {
    const found = place
      .slice(1)
      .split('/')
      .reduce<unknown>((value, key) => (value as Record<string, unknown> | null | undefined)?.[key], payload);
    return found === undefined;
  });
}

function isWhole(policy: Readonly<Record<string, unknown>>): boolean {
  return 'PayloadType' in policy || dictionaries.some((key) => typeof policy[key] === 'object');
}
