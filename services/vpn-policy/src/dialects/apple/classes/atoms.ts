import { isIP } from 'node:net';
import { canonicalAddress, compileAddresses, meansAddress } from '../match-address.ts';
import { stemOf } from '../match-domain.ts';

/** A label that occurs in none of `texts`, so that what is built with it means nothing that they name. */
export function freshLabel(texts: readonly string[]): string {
  const all = texts.join(' ').toLowerCase();
  for (let number = 0; ; number += 1) {
    const label = `x${number === 0 ? '' : number}`;
    if (!all.includes(label)) return label;
  }
}

/**
 * Names of which one stands for every class of hosts or search domains that `entries` can tell apart, by labels, by characters, by
 * equality, with or without regard to case: none of them; each entry's own name, one under it, one that merely ends with it; and where case
 * is told apart, each with its front in another case.
 */
export function domainAtoms(entries: readonly string[]): readonly string[] {
  const stems = [...new Set(entries.map(stemOf))].filter((stem) => stem !== '' && !stem.includes('*'));
  const fresh = freshLabel(stems);
  const elsewhere = 'elsewhere.example.net';
  const taken = stems.some((stem) => elsewhere.endsWith(stem.toLowerCase()));
  const atoms = [taken ? `${fresh}.${fresh}` : elsewhere];
  for (const stem of stems) {
    const ends = ['', ...stems.filter((end) => end !== stem && stem.toLowerCase().endsWith(end.toLowerCase()))];
    const forms = [stem, ...ends.flatMap((end) => recased(stem, end))];
    atoms.push(...forms.flatMap((form) => [form, `${fresh}.${form}`, `${fresh}${form}`]));
  }
  return [...new Set(atoms)];
}

/** `stem` with its front in other cases and its end as `end` has it. */
function recased(stem: string, end: string): string[] {
  const front = stem.slice(0, stem.length - end.length);
  const mixed = [...front].map((character, index) =>
    index % 2 === 0 ? character.toUpperCase() : character.toLowerCase(),
  );
  return [front.toUpperCase(), front.toLowerCase(), mixed.join('')].map((other) => other + end);
}

/**
 * Addresses of which one stands for every class of DNS servers that `entries` can tell apart: none of them, each address, and for each
 * prefix every way in which it can go on, as far as other entries look. In the form in which systems report addresses, RFC 5952.
 */
export function addressAtoms(entries: readonly string[]): readonly string[] {
  const octet = freeOctet(entries);
  const atoms = foreignAddresses(entries, octet);
  for (const entry of new Set(entries)) {
    if (entry === '' || entry === '*') continue;
    // What is no address names no server, so no class has it.
    if (!meansAddress(entry, false)) continue;
    if (!entry.endsWith('*')) atoms.push(canonicalAddress(entry));
    else atoms.push(...completed4(entry.slice(0, -1), octet), ...completed6(entry.slice(0, -1), octet));
  }
  return [...new Set(atoms)];
}

/** An address of each family that no entry means but `*`, where there is one: those of documents first. */
function foreignAddresses(entries: readonly string[], octet: number): string[] {
  const named = entries.filter((entry) => entry !== '*');
  const readings = [true, false].map((canonical) => compileAddresses(named, canonical));
  const isForeign = (address: string) => !readings.some((means) => means(address));
  const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => from + index);
  const families = [
    [`192.0.2.${octet}`, ...numbers(1, 256).map((first) => `${first}.${octet}.113.${octet}`)],
    [`2001:db8:ffff::${octet}`, ...numbers(1, 2 ** 16).map((first) => `${first.toString(16)}:db8:ffff::${octet}`)],
  ];
  return families.flatMap((addresses) => addresses.find(isForeign) ?? []);
}

/** A number that no entry has as one of its octets. */
function freeOctet(entries: readonly string[]): number {
  const used = new Set(entries.flatMap((entry) => entry.split(/[.*:]/)));
  return [77, ...Array.from({ length: 256 }, (_, value) => value)].find((value) => !used.has(String(value))) ?? 77;
}

/** IPv4 addresses that begin with `prefix`: each value that its last octet can take, then what nobody names. */
function completed4(prefix: string, octet: number): string[] {
  const whole = prefix.split('.');
  const started = whole.pop() ?? '';
  const missing = 3 - whole.length;
  if (missing < 0 || !/^[\d.]*$/.test(prefix)) return [];
  const rest = Array.from({ length: missing }, () => String(octet));
  const values = [octet, ...Array.from({ length: 256 }, (_, value) => value)].map(String);
  return values
    .filter((value) => value.startsWith(started))
    .map((value) => [...whole, value, ...rest].join('.'))
    .filter((text) => isIP(text) !== 0);
}

/** The same for IPv6: what stands after the prefix is one more group, or the end of the one begun. */
function completed6(prefix: string, octet: number): string[] {
  const groups = ['', ...Array.from({ length: 256 }, (_, value) => value.toString(16))];
  const forms = groups.flatMap((group) => [
    `${prefix}${group}`,
    `${prefix}${group}::${octet}`,
    `${prefix}${group}:${octet}`,
  ]);
  return forms.filter((text) => isIP(text) === 6).map(canonicalAddress);
}

/** How many comparisons of atoms with entries are made to find classes: with more entries than that allows, a policy is a list and no rules. */
const WORK_LIMIT = 2 ** 20;

/** The atoms of `entries`; `null` when comparing all of them with all entries would be too much work. */
export function atomsWithin(
  entries: readonly string[],
  atomsOf: (entries: readonly string[]) => readonly string[],
): readonly string[] | null {
  if (entries.length ** 2 > WORK_LIMIT) return null;
  const atoms = atomsOf(entries);
  return atoms.length * entries.length > WORK_LIMIT ? null : atoms;
}
