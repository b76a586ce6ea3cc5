import type { DeviceCapability } from '@quell/contracts/device';
import { platform } from '@quell/contracts/vocabulary';
import { capabilityMask } from '@quell/device-query/match';
import type { DeviceColumns, SegmentBuilder } from '../index/build-segment.ts';
import { GrowingBytes, utf8 } from '../index/bytes.ts';
import { TermTable } from '../index/term-table.ts';

/*
 * Reads devices as `COPY … TO STDOUT (FORMAT binary)` sends them (postgresql.org/docs/current/sql-copy.html, "Binary Format"): texts
 * go from the server's bytes into the index's without becoming strings, which a million devices are millions of.
 */

/** What to copy, for a SELECT from `device AS d LEFT JOIN device_seen AS s`: first what a record holds, in its order. */
export const copiedColumns = `d.id, d.label, d.hostnames::text[], d.ips::text[], d.macs::text[], d.tags, d.agent_id::text,
  d.model, d.capabilities::text[], d.platform::text, d.group_name, d.version::int4, (extract(epoch FROM s.last_seen_at) * 1000)::int8`;

const fieldCount = 13;
const field = { model: 7, capabilities: 8, platform: 9, group: 10, version: 11, lastSeenAt: 12 } as const;
/** The signature, flags, and the size of an extension. */
const headerBytes = 19;
const platforms: readonly string[] = platform.options;

/** Hands every device of a binary COPY to a builder, however its bytes are cut into chunks. */
export class CopiedDevices {
  readonly #builder: SegmentBuilder;
  readonly #record = new GrowingBytes();
  readonly #models = new Repeated((bytes, start, end) => utf8.decode(bytes.subarray(start, end)));
  readonly #groups = new Repeated((bytes, start, end) => utf8.decode(bytes.subarray(start, end)));
  readonly #masks = new Repeated((bytes, start, end) =>
    capabilityMask(
      listAt(bytes, start, end).map(([from, to]) => utf8.decode(bytes.subarray(from, to)) as DeviceCapability),
    ),
  );
  readonly #systems = new Repeated(
    (bytes, start, end) => platforms.indexOf(utf8.decode(bytes.subarray(start, end))) + 1,
  );
  /** Where each field of a row begins and ends; both -1 for NULL. */
  readonly #starts = new Int32Array(fieldCount);
  readonly #ends = new Int32Array(fieldCount);
  #rest: Uint8Array = new Uint8Array(0);
  #begun = false;
  #ended = false;
  /** So many devices so far. */
  count = 0;

  constructor(builder: SegmentBuilder) {
    this.#builder = builder;
  }

  /** @throws Error when these are not the bytes of such a COPY */
  take(chunk: Uint8Array): void {
    const bytes = joined(this.#rest, chunk);
    let at = 0;
    if (!this.#begun) {
      if (bytes.length < headerBytes) {
        this.#rest = bytes;
        return;
      }
      at = headerBytes + int32(bytes, headerBytes - 4);
      this.#begun = true;
    }
    while (!this.#ended) {
      const next = this.#row(bytes, at);
      if (next < 0) break;
      at = next;
    }
    this.#rest = bytes.subarray(at);
  }

  /** @throws Error when the last row is not whole */
  finish(): void {
    if (!this.#ended) throw new Error('the copy of the devices broke off');
  }

  /** @returns where the row after the one at `at` begins; -1 when this one has not come whole yet. */
  #row(bytes: Uint8Array, from: number): number {
    if (bytes.length < from + 2) return -1;
    const fields = (bytes[from]! << 8) | bytes[from + 1]!;
    if (fields === 0xffff) {
      this.#ended = true;
      return from + 2;
    }
    if (fields !== fieldCount) throw new Error(`a copied device has ${fields} fields, not ${fieldCount}`);
    let at = from + 2;
    for (let index = 0; index < fieldCount; index++) {
      if (bytes.length < at + 4) return -1;
      const size = int32(bytes, at);
      at += 4;
      this.#starts[index] = size < 0 ? -1 : at;
      if (size > 0) at += size;
      this.#ends[index] = size < 0 ? -1 : at;
    }
    if (at > bytes.length) return -1;
    this.#writeRecord(bytes);
    this.#builder.addRecord(this.#record.bytes, this.#record.length, this.#columns(bytes));
    this.count++;
    return at;
  }

  #writeRecord(bytes: Uint8Array): void {
    const record = this.#record;
    record.length = 0;
    this.#text(bytes, 0);
    this.#text(bytes, 1);
    for (let list = 2; list <= 5; list++) this.#list(bytes, list);
    this.#text(bytes, 6);
  }

  #text(bytes: Uint8Array, index: number): void {
    const start = this.#starts[index]!;
    const end = this.#ends[index]!;
    this.#record.varint(end - start);
    if (end > start) this.#record.copy(bytes, start, end);
  }

  #list(bytes: Uint8Array, index: number): void {
    const record = this.#record;
    const start = this.#starts[index]!;
    const dimensions = int32(bytes, start);
    if (dimensions === 0) {
      record.varint(0);
      return;
    }
    const count = int32(bytes, start + 12);
    record.varint(count);
    let at = start + 20;
    for (let left = count; left > 0; left--) {
      const size = int32(bytes, at);
      at += 4;
      record.varint(size);
      record.copy(bytes, at, at + size);
      at += size;
    }
  }

  #columns(bytes: Uint8Array): DeviceColumns {
    const { model, capabilities, platform: system, group, version, lastSeenAt } = field;
    const starts = this.#starts;
    const ends = this.#ends;
    return {
      model: this.#models.of(bytes, starts[model]!, ends[model]!),
      mask: this.#masks.of(bytes, starts[capabilities]!, ends[capabilities]!),
      system: starts[system]! < 0 ? 0 : this.#systems.of(bytes, starts[system]!, ends[system]!),
      group: starts[group]! < 0 ? '' : this.#groups.of(bytes, starts[group]!, ends[group]!),
      version: int32(bytes, starts[version]!),
      lastSeenAt: starts[lastSeenAt]! < 0 ? -1 : int64(bytes, starts[lastSeenAt]!),
    };
  }
}

/** What pieces of bytes stand for, read once for each different one. */
class Repeated<T> {
  readonly #terms = new TermTable();
  readonly #values: T[] = [];
  readonly #read: (bytes: Uint8Array, start: number, end: number) => T;

  constructor(read: (bytes: Uint8Array, start: number, end: number) => T) {
    this.#read = read;
  }

  of(bytes: Uint8Array, start: number, end: number): T {
    const term = this.#terms.termOf(bytes, start, end);
    if (term === this.#values.length) this.#values.push(this.#read(bytes, start, end));
    return this.#values[term]!;
  }
}

/** @returns where the elements of a one-dimensional array begin and end: dimensions, flags, type, then size and lower bound, then elements. */
function listAt(bytes: Uint8Array, start: number, end: number): [from: number, to: number][] {
  const elements: [number, number][] = [];
  for (let at = start + 20; at < end; ) {
    const from = at + 4;
    at = from + int32(bytes, at);
    elements.push([from, at]);
  }
  return elements;
}

function int32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
}

/** Exact up to 2^53: milliseconds stay far below. */
function int64(bytes: Uint8Array, at: number): number {
  return int32(bytes, at) * 2 ** 32 + (int32(bytes, at + 4) >>> 0);
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  if (first.length === 0) return second;
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}
