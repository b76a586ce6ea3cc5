import { type DeviceCapability, deviceCapabilities } from '@quell/contracts/device';
import type { DeviceQuery } from '@quell/contracts/device-query';
import type { Platform } from '@quell/contracts/vocabulary';
import { type FoldedValue, foldValue } from './fold.ts';
import {
  infixLength,
  isPrefix,
  type MatchLevel,
  parseQueryText,
  type QueryText,
  type QueryWord,
} from './parse-query.ts';
import { idTolerance, isWithinEdits, type Tolerance, wordTolerance } from './typos.ts';

/** What a query looks at in a device. */
export interface QueriedDevice {
  readonly id: string;
  readonly model: string;
  readonly label: string;
  readonly capabilities: readonly DeviceCapability[];
  readonly hostnames: readonly string[];
  readonly ips: readonly string[];
  readonly macs: readonly string[];
  readonly platform?: Platform | undefined;
  readonly group?: string | undefined;
  readonly tags: readonly string[];
}

/** The texts of a device, folded once for many queries. */
export interface FoldedDevice {
  readonly id: FoldedValue;
  readonly model: FoldedValue;
  readonly label: FoldedValue;
  readonly hostnames: readonly FoldedValue[];
  /** A MAC is one part, however its pairs are separated. */
  readonly macs: readonly string[];
  readonly ips: readonly string[];
}

export function foldDevice(device: QueriedDevice): FoldedDevice {
  return {
    id: foldValue(device.id),
    model: foldValue(device.model),
    label: foldValue(device.label),
    hostnames: device.hostnames.map(foldValue),
    macs: device.macs.map((mac) => foldValue(mac).joined),
    ips: device.ips.map((ip) => ip.toLowerCase()),
  };
}

/** @returns where in `joined` the word matches: the beginning of a part, to inside or to the end of a part. */
export function matchesIn(value: FoldedValue, word: string, prefix: boolean): number[] {
  const { joined, starts } = value;
  return starts.filter((start) => {
    if (!joined.startsWith(word, start)) return false;
    const end = start + word.length;
    return prefix || end === joined.length || starts.includes(end);
  });
}

/** @returns the parts of `value`, each on its own. */
export function partsOf({ joined, starts }: FoldedValue): string[] {
  return starts.map((start, index) => joined.slice(start, starts[index + 1] ?? joined.length));
}

const isIn = (value: FoldedValue, word: string, prefix: boolean): boolean => matchesIn(value, word, prefix).length > 0;
const hasTypo = (value: FoldedValue, word: string, tolerance: Tolerance): boolean =>
  tolerance.edits > 0 && partsOf(value).some((part) => isWithinEdits(word, part, tolerance));

/** @returns whether the label has the word. */
export function isInLabel(word: QueryWord, label: FoldedValue, level: MatchLevel): boolean {
  return (
    isIn(label, word.folded, isPrefix(word, level)) ||
    (level === 'typos' && hasTypo(label, word.folded, wordTolerance(word)))
  );
}

/** @returns whether the model has the word; a typo may also lie across its parts (`nqp16d` for `nPP16 D`). */
export function isInModel(word: QueryWord, model: FoldedValue, level: MatchLevel): boolean {
  if (isIn(model, word.folded, isPrefix(word, level))) return true;
  const tolerance = wordTolerance(word);
  if (level !== 'typos' || tolerance.edits === 0) return false;
  return model.starts.some((start) => isWithinEdits(word.folded, model.joined.slice(start), tolerance));
}

function isInId(word: QueryWord, id: FoldedValue, level: MatchLevel): boolean {
  if (isIn(id, word.folded, isPrefix(word, level))) return true;
  if (word.length >= infixLength && id.joined.includes(word.folded)) return true;
  const tolerance = idTolerance(word);
  return level === 'typos' && tolerance.edits > 0 && isWithinEdits(word.folded, id.joined, tolerance);
}

function isInMac(word: QueryWord, mac: string, level: MatchLevel): boolean {
  if (word.length >= infixLength) return mac.includes(word.folded);
  return isPrefix(word, level) && mac.startsWith(word.folded);
}

function isInIp({ address, ...word }: QueryWord, ip: string, level: MatchLevel): boolean {
  if (address === undefined) return false;
  return isPrefix(word, level) ? ip.startsWith(address) : ip === address;
}

function isInDevice(word: QueryWord, device: FoldedDevice, level: MatchLevel): boolean {
  return (
    isInLabel(word, device.label, level) ||
    isInModel(word, device.model, level) ||
    isInId(word, device.id, level) ||
    device.hostnames.some((hostname) => isInLabel(word, hostname, level)) ||
    device.macs.some((mac) => isInMac(word, mac, level)) ||
    device.ips.some((ip) => isInIp(word, ip, level))
  );
}

/** @returns whether the texts of a device have every word. */
export function matchesText(text: QueryText, device: FoldedDevice, level: MatchLevel): boolean {
  if (text.kind !== 'words') return text.kind === 'blank';
  return text.words.every((word) => isInDevice(word, device, level));
}

const bitOf = new Map(deviceCapabilities.map((capability, index) => [capability, 1 << index]));

/** @returns the mask of what was asked for: one bit per capability, in the order of `deviceCapabilities`. */
export function featureMask(features: readonly DeviceCapability[]): number {
  let mask = 0;
  for (const feature of features) mask |= bitOf.get(feature)!;
  return mask;
}

const outputMask = featureMask(['relay', 'dimming']);

/** @returns the mask of what a device has: `relay` and `dimming` bring `dimming-or-relay` with them. */
export function capabilityMask(capabilities: readonly DeviceCapability[]): number {
  const mask = featureMask(capabilities);
  return (mask & outputMask) === 0 ? mask : mask | bitOf.get('dimming-or-relay')!;
}

/** @returns whether a device with these capabilities passes; `selected` is the mask asked for, and 0 is no filter. */
export function passesFeatures(mask: number, selected: number, match: DeviceQuery['match']): boolean {
  if (selected === 0) return true;
  return match === 'all' ? (mask & selected) === selected : (mask & selected) !== 0;
}

const isOneOf = <T>(wanted: readonly T[], value: T | undefined): boolean =>
  wanted.length === 0 || (value !== undefined && wanted.includes(value));

/** @returns whether a device passes group, platform, model and tag: every filter but the features. */
export function passesOtherFilters(query: DeviceQuery, device: QueriedDevice): boolean {
  return (
    isOneOf(query.group, device.group) &&
    isOneOf(query.platform, device.platform) &&
    isOneOf(query.model, device.model) &&
    (query.tag.length === 0 || device.tags.some((tag) => query.tag.includes(tag)))
  );
}

/**
 * The strict reading, of bulk jobs, watches, campaigns and assignments: words as typed, never loosened.
 * @returns a predicate to run over many devices.
 */
export function compileQuery(query: DeviceQuery): (device: QueriedDevice) => boolean {
  const text = parseQueryText(query.q);
  const selected = featureMask(query.feature);
  return (device) =>
    text.kind !== 'nothing' &&
    passesFeatures(capabilityMask(device.capabilities), selected, query.match) &&
    passesOtherFilters(query, device) &&
    (text.kind === 'blank' || matchesText(text, rememberedFold(device), 'as-typed'));
}

const remembered = new WeakMap<QueriedDevice, FoldedDevice>();

/**
 * One change is looked at by every watch, and whoever types sees the same devices at each letter, so a device is folded once, for as
 * long as somebody holds it. Devices do not change.
 */
export function rememberedFold(device: QueriedDevice): FoldedDevice {
  let folded = remembered.get(device);
  if (folded === undefined) {
    folded = foldDevice(device);
    remembered.set(device, folded);
  }
  return folded;
}

/** @returns whether one device is meant by the query, read strictly. For many devices take `compileQuery`. */
export function matchesDevice(query: DeviceQuery, device: QueriedDevice): boolean {
  return compileQuery(query)(device);
}
