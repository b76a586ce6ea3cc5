import type { FilePlace } from '@quell/contracts/file-place';
import type { CiscoProfile } from '@quell/contracts/vpn-cisco';
import type { FileRefusal, ImportedCiscoPolicy, ImportedCiscoProfile } from '@quell/contracts/vpn-formats';
import { FILE_LIMITS, Refusal, refusing, tooLarge } from '../formats/refusal.ts';
import { decodeXml } from '../formats/source-text.ts';
import { isTemplate, isVariable } from '../formats/templates.ts';
import { readXml, type XmlElement } from '../formats/xml-tree.ts';
import { lintCisco } from '../lint/lint-cisco.ts';

/** More host entries than a profile can sensibly hold; each is linted. */
const ENTRY_LIMIT = 200;

/** Lists of `MobileHostEntryInfo`, by the name that our dialect has for them, in the order of the schema. */
export const lists = [
  ['AlwaysConnectDomainList', 'Always'],
  ['NeverConnectDomainList', 'Never'],
  ['ConnectIfNeededDomainList', 'IfNeeded'],
] as const;

/**
 * Every host entry of an AnyConnect profile that says something about on demand. Source of the names: AnyConnectProfile.xsd. No DOCTYPE, no
 * entities. The address of a host entry does not become `serverAddress`: the editor writes it into Never, and where it is not there the
 * user removed it.
 */
export function importCiscoProfile(bytes: Uint8Array): ImportedCiscoProfile | FileRefusal {
  if (bytes.byteLength > FILE_LIMITS.bytes) return tooLarge('bytes', null).refusal;
  return refusing(() => imported(readXml(decodeXml(bytes), 'none')));
}

function imported(root: XmlElement): ImportedCiscoProfile {
  if (root.name !== 'AnyConnectProfile') {
    throw new Refusal('not-a-profile', 'the root element is not AnyConnectProfile', root.at);
  }
  const entries = all(root, 'ServerList').flatMap((list) => all(list, 'HostEntry'));
  if (entries.length > ENTRY_LIMIT) throw new Refusal('too-large', `more than ${ENTRY_LIMIT} host entries`, root.at);
  const unread = new Map<string, number>();
  for (const child of root.children) if (child.name !== 'ServerList') count(unread, `/${child.name}`);
  const policies = entries.flatMap((entry) => policyOf(entry, unread) ?? []);
  const notModelled = [...unread].map(([path, times]) => ({ path, count: times }));
  return { result: 'imported', format: 'anyconnect-xml', policies, notModelled };
}

function policyOf(entry: XmlElement, unread: Map<string, number>): ImportedCiscoPolicy | null {
  const host = required(entry, 'HostName');
  const address = one(entry, 'HostAddress');
  const info = one(entry, 'MobileHostEntryInfo');
  const read = new Set(['HostName', 'HostAddress', 'MobileHostEntryInfo']);
  for (const child of entry.children) if (!read.has(child.name)) count(unread, `/ServerList/HostEntry/${child.name}`);
  if (info === null) {
    count(unread, '/ServerList/HostEntry without MobileHostEntryInfo');
    return null;
  }
  const places = new Map<string, FilePlace>([['', info.at]]);
  const profile: CiscoProfile = {};
  const policy = one(info, 'CertificatePolicy');
  if (policy !== null) {
    profile.CertificatePolicy = word(policy, ['Auto', 'Manual', 'None'] as const);
    places.set('/CertificatePolicy', policy.at);
  }
  const enabled = one(info, 'ConnectOnDemand');
  if (enabled !== null) {
    profile.ConnectOnDemand = word(enabled, ['true', 'false'] as const) === 'true';
    places.set('/ConnectOnDemand', enabled.at);
  }
  for (const [element, name] of lists) {
    const list = one(info, element);
    if (list === null) continue;
    const rules = all(list, 'OnDemandDNSMatch');
    const other = list.children.find((child) => child.name !== 'OnDemandDNSMatch');
    if (other !== undefined) throw new Refusal('malformed', 'an element that lists of domains do not have', other.at);
    profile[name] = rules.map((rule) => text(rule));
    places.set(`/${name}`, list.at);
    for (const [index, rule] of rules.entries()) places.set(`/${name}/${index}`, rule.at);
  }
  const known = new Set([
    'CertificatePolicy',
    'ConnectOnDemand',
    'ActivateOnImport',
    ...lists.map(([element]) => element),
  ]);
  for (const child of info.children) {
    if (!known.has(child.name)) count(unread, `/ServerList/HostEntry/MobileHostEntryInfo/${child.name}`);
  }
  const activate = one(info, 'ActivateOnImport');
  return {
    name: text(host),
    address: text(address ?? host),
    profile,
    activateOnImport: activate !== null && word(activate, ['true', 'false'] as const) === 'true',
    at: entry.at,
    findings: lintCisco(profile).findings.map((finding) => ({
      ...finding,
      at: places.get(finding.place) ?? places.get(finding.place.replace(/\/\d+$/, '')) ?? info.at,
    })),
  };
}

function count(found: Map<string, number>, path: string): void {
  const name = /^[\w/ ]{1,200}$/.test(path) ? path : 'of no readable name';
  found.set(name, (found.get(name) ?? 0) + 1);
}

function all(parent: XmlElement, name: string): readonly XmlElement[] {
  if (parent.textAt !== null) {
    const [reason, what] = isVariable(parent.text)
      ? (['template', 'a template that was not filled in'] as const)
      : (['malformed', 'text between elements'] as const);
    throw new Refusal(reason, what, parent.textAt);
  }
  return parent.children.filter((child) => child.name === name);
}

function one(parent: XmlElement, name: string): XmlElement | null {
  const [first, second] = all(parent, name);
  if (second !== undefined) throw new Refusal('malformed', `${name} stands there twice`, second.at);
  return first ?? null;
}

function required(parent: XmlElement, name: string): XmlElement {
  const found = one(parent, name);
  if (found === null) throw new Refusal('malformed', `${name} is missing`, parent.at);
  return found;
}

function text(element: XmlElement): string {
  const [child] = element.children;
  if (child !== undefined) throw new Refusal('malformed', 'an element inside a value', child.at);
  const value = element.text.trim();
  if (isTemplate(value)) throw new Refusal('template', 'a value that was not filled in', element.at);
  return value;
}

function word<T extends string>(element: XmlElement, words: readonly T[]): T {
  const value = text(element);
  const found = words.find((each) => each === value);
  if (found !== undefined) return found;
  throw new Refusal(isVariable(value) ? 'template' : 'malformed', `none of ${words.join(', ')}`, element.at);
}
