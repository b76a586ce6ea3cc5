import { deviceCapabilities } from '@quell/contracts/device';
import { platform } from '@quell/contracts/vocabulary';
import { capabilityMask } from '@quell/device-query/match';
import { compareText, naturalKey } from '@quell/device-query/rank';
import { setBit, wordsFor } from './bits.ts';
import { buildIdIndexes, type IdIndexes } from './build-id-indexes.ts';
import { buildNameIndexes, type NameIndexes } from './build-name-indexes.ts';
import { WordIndexBuilder } from './build-words.ts';
import { GrowingBytes, GrowingNumbers, type TextTable } from './bytes.ts';
import { Dictionary } from './dictionary.ts';
import { DivergenceHash } from './divergence-hash.ts';
import { FoldedBytes } from './fold-bytes.ts';
import type { IndexedDevice } from './indexed-device.ts';
import { listsByTerm } from './posting-lists.ts';
import { RecordCursor, writeRecord } from './records.ts';
import type { Segment } from './segment.ts';
import { type SegmentLimits, usualLimits } from './segment-limits.ts';
import { sortTexts } from './sort-texts.ts';

const platforms = platform.options;
const capabilities = deviceCapabilities.length;

/** What is known of a device beside its record. */
export interface DeviceColumns {
  readonly model: string;
  /** Capabilities as a mask, see `capabilityMask`. */
  readonly mask: number;
  /** 0: none; else the place in the list of platforms, from 1. */
  readonly system: number;
  readonly group: string;
  readonly version: number;
  /** In milliseconds; -1 for never. */
  readonly lastSeenAt: number;
}

/** A segment without what finds texts in it. */
export type Columns = Omit<Segment, keyof IdIndexes | keyof NameIndexes>;

/** Takes devices one after the other, in any order, no id twice; holds them as bytes, so that a million do not become objects. */
export class SegmentBuilder {
  readonly #limits: SegmentLimits;
  readonly #records = new GrowingBytes(1 << 16);
  readonly #recordOffsets = new GrowingNumbers();
  readonly #keys = new GrowingBytes(1 << 16);
  readonly #keyOffsets = new GrowingNumbers();
  readonly #models = new Dictionary();
  readonly #groups = new Dictionary();
  readonly #kindOf = new GrowingNumbers();
  readonly #kinds = new Map<number, number>();
  readonly #kindModels = new GrowingNumbers();
  readonly #kindMasks = new GrowingBytes();
  readonly #kindPlatforms = new GrowingBytes();
  readonly #groupOf = new GrowingNumbers();
  readonly #versions = new GrowingNumbers();
  readonly #lastSeen: number[] = [];
  readonly #hash = new DivergenceHash();
  readonly #folded = new FoldedBytes();
  /** Of the device that is being added. */
  readonly #record = new GrowingBytes();

  /** @param limits smaller ones bring out in tests what else takes a million devices. */
  constructor(limits: SegmentLimits = usualLimits) {
    this.#limits = limits;
    this.#recordOffsets.push(0);
    this.#keyOffsets.push(0);
    this.#groups.codeOf('');
  }

  add(device: IndexedDevice): void {
    const { model, capabilities: names, platform: system, group = '', version, lastSeenAt = -1 } = device;
    this.#record.length = 0;
    writeRecord(this.#record, device);
    this.addRecord(this.#record.bytes, this.#record.length, {
      model,
      mask: capabilityMask(names),
      system: system === undefined ? 0 : platforms.indexOf(system) + 1,
      group,
      version,
      lastSeenAt,
    });
  }

  /** Takes a device whose texts stand in `record[0..length]`, as `records.ts` writes them. */
  addRecord(record: Uint8Array, length: number, columns: DeviceColumns): void {
    this.#records.copy(record, 0, length);
    this.#recordOffsets.push(this.#records.length);
    const cursor = new RecordCursor(record);
    cursor.open(0);
    const { start, end } = cursor;
    cursor.next();
    // The display key, without a text in between.
    this.#folded.fold(record, cursor.start, cursor.end);
    if (this.#folded.length === 0) this.#folded.fold(record, start, end);
    this.#folded.writeNaturalKey(this.#keys);
    // No folded text has U+0001, so a name that goes on comes after the same name with any id.
    this.#keys.byte(1);
    this.#keys.copy(record, start, end);
    this.#keyOffsets.push(this.#keys.length);
    this.#kindOf.push(this.#kindCode(columns));
    this.#groupOf.push(this.#groups.codeOf(columns.group));
    this.#versions.push(columns.version);
    this.#lastSeen.push(columns.lastSeenAt);
    this.#hash.toggleBytes(record, start, end, columns.version);
  }

  #kindCode({ model: name, mask, system }: DeviceColumns): number {
    const model = this.#models.codeOf(name);
    const combined = (model * 256 + mask) * 16 + system;
    let code = this.#kinds.get(combined);
    if (code === undefined) {
      code = this.#kinds.size;
      this.#kinds.set(combined, code);
      this.#kindModels.push(model);
      this.#kindMasks.byte(mask);
      this.#kindPlatforms.byte(system);
    }
    return code;
  }

  /** @returns the segment; the builder is used up. */
  finish(): Segment {
    const columns = this.finishColumns();
    const { records, count } = columns;
    return {
      ...columns,
      ...buildIdIndexes(records, count, this.#limits),
      ...buildNameIndexes(records, count, this.#limits),
    };
  }

  /** @returns what the indexes of texts are built from, and goes with them; the builder is used up. */
  finishColumns(): Columns {
    const count = this.#versions.length;
    const order = Uint32Array.from({ length: count }, (_, index) => index);
    sortTexts({ bytes: this.#keys.bytes, offsets: this.#keyOffsets.numbers }, order);
    this.#keys.bytes = new Uint8Array(0);
    const records = reorder({ bytes: this.#records.bytes, offsets: this.#recordOffsets.numbers }, order);
    this.#records.bytes = new Uint8Array(0);
    const column = (from: Uint32Array) => order.map((index) => from[index]!);
    const kinds = column(this.#kindOf.numbers);
    const kindModels = this.#kindModels.finish();
    const kindMasks = this.#kindMasks.finish();
    const kindPlatforms = this.#kindPlatforms.finish();
    const groupOf = column(this.#groupOf.numbers);
    const { values: models } = this.#models;
    const { values: groups } = this.#groups;
    const docs = Uint32Array.from({ length: count }, (_, doc) => doc);
    const lastSeen = Float64Array.from(order, (index) => this.#lastSeen[index]!);
    return {
      count,
      hash: this.#hash.parts,
      records,
      kinds: kindModels.length <= 0x10000 ? Uint16Array.from(kinds) : kinds,
      kindModels,
      kindMasks,
      kindPlatforms,
      models,
      ...this.#modelIndexes(models),
      modelLists: listsByTerm(
        kinds.map((kind) => kindModels[kind]!),
        docs,
        count,
        models.length,
        count,
      ),
      groupOf: groups.length <= 0x10000 ? Uint16Array.from(groupOf) : groupOf,
      groups,
      groupLists: listsByTerm(groupOf, docs, count, groups.length, count),
      platformLists: listsByTerm(
        kinds.map((kind) => kindPlatforms[kind]!),
        docs,
        count,
        platforms.length + 1,
        count,
      ),
      capabilityBits: capabilityBits(kinds, kindMasks),
      versions: column(this.#versions.numbers),
      lastSeen,
    };
  }

  #modelIndexes(models: readonly string[]): Pick<Segment, 'modelOrder' | 'modelWords'> {
    const words = new WordIndexBuilder();
    for (const [code, model] of models.entries()) {
      this.#folded.foldText(model);
      words.add(code, this.#folded);
    }
    const keys = models.map(naturalKey);
    const modelOrder = Uint32Array.from(models, (_, code) => code);
    modelOrder.sort((a, b) => compareText(keys[a]!, keys[b]!) || compareText(models[a]!, models[b]!));
    return { modelOrder, modelWords: words.finish(models.length, this.#limits.frequent) };
  }
}

function reorder({ bytes, offsets }: TextTable, order: Uint32Array): TextTable {
  const moved = new GrowingBytes(offsets[order.length]! + 1);
  const starts = new Uint32Array(order.length + 1);
  for (let place = 0; place < order.length; place++) {
    moved.copy(bytes, offsets[order[place]!]!, offsets[order[place]! + 1]!);
    starts[place + 1] = moved.length;
  }
  return { bytes: moved.finish(), offsets: starts };
}

function capabilityBits(kinds: Uint32Array, masks: Uint8Array): Uint32Array<ArrayBuffer> {
  const words = wordsFor(kinds.length);
  const bits = new Uint32Array(words * capabilities);
  for (let capability = 0; capability < capabilities; capability++) {
    const own = bits.subarray(capability * words, (capability + 1) * words);
    for (let doc = 0; doc < kinds.length; doc++) if ((masks[kinds[doc]!]! & (1 << capability)) !== 0) setBit(own, doc);
  }
  return bits;
}

/** @returns a segment of the devices that arrive in chunks. */
export async function buildSegment(chunks: AsyncIterable<readonly IndexedDevice[]>): Promise<Segment> {
  const builder = new SegmentBuilder();
  for await (const chunk of chunks) for (const device of chunk) builder.add(device);
  return builder.finish();
}
