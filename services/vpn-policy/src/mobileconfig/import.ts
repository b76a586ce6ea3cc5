import { setImmediate } from 'node:timers/promises';
import type { FilePlace } from '@quell/contracts/file-place';
import type { AppleDialect } from '@quell/contracts/vpn-apple';
import { appleDictionary } from '@quell/contracts/vpn-apple';
import { dictionaryOf } from '@quell/contracts/vpn-dictionary';
import type { FileRefusal, ImportedApplePolicy, ImportedMobileconfig } from '@quell/contracts/vpn-formats';
import { importedApplePolicy } from '@quell/contracts/vpn-formats';
import { withoutCredentials } from '../evaluation/without-credentials.ts';
import { Refusal, refusing } from '../formats/refusal.ts';
import { isTemplate } from '../formats/templates.ts';
import { lintApple } from '../lint/lint-apple.ts';
import { lintDnsSettings } from '../lint/lint-dns-settings.ts';
import type { PlistValue } from '../plist/plist-value.ts';
import { type OpenedFile, openFile } from './open-file.ts';
import { withholdSecrets } from './withhold.ts';

/** More policies than a profile can sensibly hold; each is linted. */
const POLICY_LIMIT = 16;

type Dict = PlistValue & { kind: 'dict' };
const payloadTypes = importedApplePolicy.shape.payloadType;

/** A payload as it was read, with where everything in it stands; lint has not seen it. */
type ReadPolicy = Omit<ImportedApplePolicy, 'findings'> & { readonly places: ReadonlyMap<string, FilePlace> };
export type ReadMobileconfig = Omit<ImportedMobileconfig, 'policies'> & { readonly policies: readonly ReadPolicy[] };

/**
 * Every VPN and DNS payload of a .mobileconfig, XML or binary, signed or not, with the signature reported apart. Nothing that may be a
 * secret comes through: not in policies, not in findings, not in refusals.
 * @param dialect whose lint the findings are of
 */
export async function importMobileconfig(
  bytes: Uint8Array,
  dialect: AppleDialect = 'apple-mdm',
): Promise<ImportedMobileconfig | FileRefusal> {
  const read = await readMobileconfig(bytes);
  if (read.result === 'refused') return read;
  const policies: ImportedApplePolicy[] = [];
  for (const { places, ...policy } of read.policies) {
    const dns = policy.payloadType === 'com.apple.dnsSettings.managed';
    const { findings } = dns ? lintDnsSettings(policy.document, dialect) : lintApple(policy.document, dialect);
    policies.push({ ...policy, findings: findings.map((one) => ({ ...one, at: nearest(places, one.place) })) });
    // Lint of one policy takes a while; others get their turn.
    await setImmediate();
  }
  return { ...read, policies };
}

/** The same without lint. */
export async function readMobileconfig(bytes: Uint8Array): Promise<ReadMobileconfig | FileRefusal> {
  const file = await openFile(bytes);
  return file.result === 'refused' ? file : refusing(() => readOf(file));
}

function readOf(file: OpenedFile): ReadMobileconfig {
  const profile = profileOf(file.value);
  const policies: ReadPolicy[] = [];
  const otherPayloads: string[] = [];
  for (const [index, payload] of payloadsOf(profile).entries()) {
    const type = textOf(payload, 'PayloadType');
    const at = payload.entries.get('PayloadType')?.value.at ?? payload.at;
    if (type === null) throw new Refusal('malformed', 'a payload without PayloadType', at);
    if (isTemplate(type)) throw new Refusal('template', 'a value that was not filled in', at);
    const known = payloadTypes.safeParse(type);
    if (!known.success) otherPayloads.push(/^[\w.-]{1,200}$/.test(type) ? type : 'of no readable type');
    else if (policies.length >= POLICY_LIMIT) throw new Refusal('too-large', `more than ${POLICY_LIMIT} policies`, at);
    else policies.push(policyOf(payload, known.data, index));
  }
  return {
    result: 'imported',
    format: file.format,
    profile: { name: textOf(profile, 'PayloadDisplayName'), identifier: textOf(profile, 'PayloadIdentifier') },
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

function policyOf(payload: Dict, payloadType: ImportedApplePolicy['payloadType'], index: number): ReadPolicy {
  const { document, places, withheld, variables } = withholdSecrets(payload);
  const { dictionary, base } = dictionaryOf(document);
  const read = appleDictionary.safeParse(dictionary);
  const dns = payloadType === 'com.apple.dnsSettings.managed';
  return {
    payloadType,
    index,
    name: textOf(payload, 'UserDefinedName') ?? textOf(payload, 'PayloadDisplayName'),
    document,
    base,
    payload: !dns && read.success ? read.data : null,
    withheld: [...withheld],
    variables: [...variables],
    places,
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
