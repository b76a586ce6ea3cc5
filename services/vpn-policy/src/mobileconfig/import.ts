import type { AppleDialect } from '@quell/contracts/vpn-apple';
import { applePayload } from '@quell/contracts/vpn-apple';
import type { FilePlace, FileRefusal, ImportedApplePolicy, ImportedMobileconfig } from '@quell/contracts/vpn-formats';
import { importedApplePolicy } from '@quell/contracts/vpn-formats';
import { Refusal, refusing } from '../formats/refusal.ts';
import { isTemplate } from '../formats/templates.ts';
import { lintApple } from '../lint/lint-apple.ts';
import { lintDnsSettings } from '../lint/lint-dns-settings.ts';
import { dictionaryOf } from '../lint/placement.ts';
import type { PlistValue } from '../plist/plist-value.ts';
import { type OpenedFile, openFile } from './open-file.ts';
import { withholdSecrets, withoutCredentials } from './withhold.ts';

/** More policies than a profile can sensibly hold; each is linted. */
const POLICY_LIMIT = 32;

type Dict = PlistValue & { kind: 'dict' };
const payloadTypes = importedApplePolicy.shape.payloadType;

/**
 * Every VPN and DNS payload of a .mobileconfig, XML or binary, signed or not, with the signature reported apart. Nothing that may be a
 * secret comes through: not in policies, not in findings, not in refusals.
 * @param dialect whose lint the findings are of
 */
export async function importMobileconfig(
  bytes: Uint8Array,
  dialect: AppleDialect = 'apple-mdm',
): Promise<ImportedMobileconfig | FileRefusal> {
  const file = await openFile(bytes);
  return file.result === 'refused' ? file : refusing(() => imported(file, dialect));
}

function imported(file: OpenedFile, dialect: AppleDialect): ImportedMobileconfig {
  const profile = profileOf(file.value);
  const policies: ImportedApplePolicy[] = [];
  const otherPayloads: string[] = [];
  for (const [index, payload] of payloadsOf(profile).entries()) {
    const type = textOf(payload, 'PayloadType');
    const at = payload.entries.get('PayloadType')?.value.at ?? payload.at;
    if (type === null) throw new Refusal('malformed', 'a payload without PayloadType', at);
    if (isTemplate(type)) throw new Refusal('template', 'a value that was not filled in', at);
    const known = payloadTypes.safeParse(type);
    if (!known.success) otherPayloads.push(/^[\w.-]{1,200}$/.test(type) ? type : 'of no readable type');
    else if (policies.length >= POLICY_LIMIT) throw new Refusal('too-large', `more than ${POLICY_LIMIT} policies`, at);
    else policies.push(policyOf(payload, known.data, index, dialect));
  }
  const about = { name: textOf(profile, 'PayloadDisplayName'), identifier: textOf(profile, 'PayloadIdentifier') };
  return {
    result: 'imported',
    format: file.format,
    profile: about,
    signature: file.signature,
    policies,
    otherPayloads,
  };
}

function profileOf(value: PlistValue): Dict {
  if (value.kind !== 'dict') throw new Refusal('not-a-profile', 'not a dictionary', value.at);
  const encrypted = value.entries.get('EncryptedPayloadContent');
  const flag = value.entries.get('IsEncrypted');
  if (encrypted !== undefined) throw new Refusal('encrypted', 'the payloads are encrypted', encrypted.keyAt);
  if (flag !== undefined && !(flag.value.kind === 'boolean' && !flag.value.value)) {
    throw new Refusal('encrypted', 'the payloads are encrypted', flag.keyAt);
  }
  const type = value.entries.get('PayloadType')?.value;
  if (type?.kind === 'string' && isTemplate(type.value)) {
    throw new Refusal('template', 'a value that was not filled in', type.at);
  }
  if (type?.kind !== 'string' || type.value !== 'Configuration') {
    throw new Refusal('not-a-profile', 'PayloadType is not Configuration', type?.at ?? value.at);
  }
  return value;
}

function payloadsOf(profile: Dict): readonly Dict[] {
  const content = profile.entries.get('PayloadContent')?.value;
  if (content === undefined) return [];
  if (content.kind !== 'array') throw new Refusal('malformed', 'PayloadContent is not an array', content.at);
  return content.items.map((item) => {
    if (item.kind !== 'dict') throw new Refusal('malformed', 'a payload that is not a dictionary', item.at);
    return item;
  });
}

function policyOf(
  payload: Dict,
  payloadType: ImportedApplePolicy['payloadType'],
  index: number,
  dialect: AppleDialect,
): ImportedApplePolicy {
  const { document, places, withheld, variables } = withholdSecrets(payload);
  const dns = payloadType === 'com.apple.dnsSettings.managed';
  const { dictionary, base } = dictionaryOf(document);
  const read = applePayload.safeParse(dictionary);
  const { findings } = dns ? lintDnsSettings(document, dialect) : lintApple(document, dialect);
  return {
    payloadType,
    index,
    name: textOf(payload, 'UserDefinedName') ?? textOf(payload, 'PayloadDisplayName'),
    document,
    base,
    payload: !dns && read.success ? read.data : null,
    withheld: [...withheld],
    variables: [...variables],
    findings: findings.map((finding) => ({ ...finding, at: nearest(places, finding.place) })),
  };
}

function textOf(dict: Dict, key: string): string | null {
  const value = dict.entries.get(key)?.value;
  return value?.kind === 'string' ? withoutCredentials(value.value) : null;
}

/** Where the place of a finding stands; of what is missing, where the nearest thing around it stands. */
function nearest(places: ReadonlyMap<string, FilePlace>, place: string): FilePlace | null {
  for (let at = place; ; at = at.slice(0, at.lastIndexOf('/'))) {
    const found = places.get(at);
    if (found !== undefined || at === '') return found ?? null;
  }
}
