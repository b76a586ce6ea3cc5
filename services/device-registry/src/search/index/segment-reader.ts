import { deviceCapabilities } from '@quell/contracts/device';
import { platform } from '@quell/contracts/vocabulary';
import { type FoldedValue, foldValue } from '@quell/device-query/fold';
import { LRUCache } from 'lru-cache';
import { compareBytes, firstWhere } from './bytes.ts';
import { FoldedBytes } from './fold-bytes.ts';
import type { IndexedDevice } from './indexed-device.ts';
import { RecordCursor } from './records.ts';
import type { Segment } from './segment.ts';

const encoder = new TextEncoder();
const DEVICES_KEPT = 4096;
/** About, with its folded texts and its JSON. */
const BYTES_PER_DEVICE = 2048;
const capabilitiesOf = Array.from({ length: 256 }, (_, mask) =>
  deviceCapabilities.filter((_name, index) => (mask & (1 << index)) !== 0).sort(),
);

/** Reads single documents of a segment. Its folded texts are for one use at a time. */
export class SegmentReader {
  readonly segment: Segment;
  /** By code. */
  readonly models: readonly FoldedValue[];
  readonly #cursor: RecordCursor;
  readonly #folded = new FoldedBytes();
  /** Whoever types sees the same devices at each letter; what others make of a device hangs on its object. */
  readonly #read = new LRUCache<number, IndexedDevice>({ max: DEVICES_KEPT });

  constructor(segment: Segment) {
    this.segment = segment;
    this.models = segment.models.map(foldValue);
    this.#cursor = new RecordCursor(segment.records.bytes);
  }

  /** In bytes, about, of what is kept of devices read lately. */
  get keptBytes(): number {
    return this.#read.size * BYTES_PER_DEVICE;
  }

  /** The same object for the same document, as long as it was read lately and not seen since. */
  device(doc: number): IndexedDevice {
    const known = this.#read.get(doc);
    if (known !== undefined && (known.lastSeenAt ?? -1) === this.segment.lastSeen[doc]) return known;
    const device = this.#deviceAt(doc);
    this.#read.set(doc, device);
    return device;
  }

  #deviceAt(doc: number): IndexedDevice {
    const { segment } = this;
    const kind = segment.kinds[doc]!;
    const system = segment.kindPlatforms[kind]!;
    const group = segment.groupOf[doc]!;
    const seen = segment.lastSeen[doc]!;
    return {
      ...this.#cursor.read(segment.records.offsets[doc]!),
      model: segment.models[segment.kindModels[kind]!]!,
      capabilities: capabilitiesOf[segment.kindMasks[kind]!]!,
      version: segment.versions[doc]!,
      ...(system === 0 ? {} : { platform: platform.options[system - 1]! }),
      ...(group === 0 ? {} : { group: segment.groups[group]! }),
      ...(seen < 0 ? {} : { lastSeenAt: seen }),
    };
  }

  idOf(doc: number): string {
    this.#cursor.open(this.segment.records.offsets[doc]!);
    return this.#cursor.text();
  }

  nameOf(doc: number): { id: string; label: string } {
    const id = this.idOf(doc);
    this.#cursor.next();
    return { id, label: this.#cursor.text() };
  }

  foldedId(doc: number): FoldedBytes {
    const cursor = this.#cursor;
    cursor.open(this.segment.records.offsets[doc]!);
    this.#folded.fold(cursor.bytes, cursor.start, cursor.end);
    return this.#folded;
  }

  foldedLabel(doc: number): FoldedBytes {
    const cursor = this.#cursor;
    cursor.open(this.segment.records.offsets[doc]!);
    cursor.next();
    this.#folded.fold(cursor.bytes, cursor.start, cursor.end);
    return this.#folded;
  }

  /** @returns whether `holds` does for any host name. */
  someHostname(doc: number, holds: (hostname: FoldedBytes) => boolean): boolean {
    const cursor = this.#openLists(doc);
    for (let left = cursor.number(); left > 0; left--) {
      cursor.next();
      this.#folded.fold(cursor.bytes, cursor.start, cursor.end);
      if (holds(this.#folded)) return true;
    }
    return false;
  }

  someIp(doc: number, holds: (ip: string) => boolean): boolean {
    const cursor = this.#openLists(doc);
    cursor.skipList();
    for (let left = cursor.number(); left > 0; left--) {
      cursor.next();
      if (holds(cursor.text().toLowerCase())) return true;
    }
    return false;
  }

  someMac(doc: number, holds: (mac: FoldedBytes) => boolean): boolean {
    const cursor = this.#openLists(doc);
    cursor.skipList();
    cursor.skipList();
    for (let left = cursor.number(); left > 0; left--) {
      cursor.next();
      this.#folded.fold(cursor.bytes, cursor.start, cursor.end);
      if (holds(this.#folded)) return true;
    }
    return false;
  }

  #openLists(doc: number): RecordCursor {
    this.#cursor.open(this.segment.records.offsets[doc]!);
    this.#cursor.next();
    return this.#cursor;
  }

  /** @returns which places of `byId` hold ids that begin with `folded`: from, and up to but without. */
  idRange(folded: Uint8Array): [from: number, to: number] {
    const { byId } = this.segment;
    const compare = (place: number): number => {
      const { bytes, length } = this.foldedId(byId[place]!);
      return compareBytes(bytes, 0, Math.min(length, folded.length), folded);
    };
    const from = firstWhere(0, byId.length, (place) => compare(place) >= 0);
    return [from, firstWhere(from, byId.length, (place) => compare(place) > 0)];
  }

  /** @returns the document of the device with exactly this id, or -1. */
  docOf(id: string): number {
    this.#folded.foldText(id);
    const folded = this.#folded.bytes.slice(0, this.#folded.length);
    const raw = encoder.encode(id);
    const { byId, records } = this.segment;
    const place = firstWhere(0, byId.length, (at) => {
      const text = this.foldedId(byId[at]!);
      const byFolded = compareBytes(text.bytes, 0, text.length, folded);
      if (byFolded !== 0) return byFolded > 0;
      return compareBytes(records.bytes, this.#cursor.start, this.#cursor.end, raw) >= 0;
    });
    return place < byId.length && this.idOf(byId[place]!) === id ? byId[place]! : -1;
  }
}
