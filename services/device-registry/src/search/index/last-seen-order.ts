import type { DocSet } from './bits.ts';
import type { Segment } from './segment.ts';
import { chunksOf } from './tally.ts';

/** How many blocks there are at most: a time until the year 2200 and a block number together are a whole double. */
const blockLimit = 1 << 10;

/**
 * Who was seen last. Times change all the while, so nothing is sorted: for each block of documents the latest time is kept, and blocks
 * that cannot have one of the wanted devices are not looked at.
 */
export class LastSeenOrder {
  readonly #segment: Segment;
  readonly #blockSize: number;
  /** No time of a block is later. */
  readonly #latest: Float64Array;

  constructor(segment: Segment) {
    this.#segment = segment;
    this.#blockSize = Math.max(256, Math.ceil(segment.count / blockLimit / 32) * 32);
    this.#latest = new Float64Array(Math.ceil(segment.count / this.#blockSize)).fill(-1);
    for (let doc = 0; doc < segment.count; doc++) this.#raise(doc, segment.lastSeen[doc]!);
  }

  #raise(doc: number, at: number): void {
    const block = Math.floor(doc / this.#blockSize);
    if (at > this.#latest[block]!) this.#latest[block] = at;
  }

  /** Notes that a device was seen; an earlier time than the one known changes nothing. */
  see(doc: number, at: number): void {
    if (at <= this.#segment.lastSeen[doc]!) return;
    this.#segment.lastSeen[doc] = at;
    this.#raise(doc, at);
  }

  /**
   * @param oldestFirst devices never seen come last all the same.
   * @param after a time (-1: never) and the first document that comes after those already answered with that time.
   * @returns the first `limit` documents of `found` by time, then by ordinal.
   */
  first(found: DocSet, limit: number, oldestFirst: boolean, after: { at: number; doc: number } | undefined): number[] {
    const { lastSeen } = this.#segment;
    const worth = (at: number): number => (!oldestFirst ? at : at < 0 ? Number.NEGATIVE_INFINITY : -at);
    const start = after === undefined ? Number.POSITIVE_INFINITY : worth(after.at);
    const startDoc = after?.doc ?? 0;
    const docs: number[] = [];
    const worths: number[] = [];
    const offer = (doc: number): void => {
      const own = worth(lastSeen[doc]!);
      if (own > start || (own === start && doc < startDoc)) return;
      let place = docs.length;
      if (place === limit && own < worths[limit - 1]!) return;
      while (place > 0 && (worths[place - 1]! < own || (worths[place - 1] === own && docs[place - 1]! > doc))) place--;
      if (place === limit) return;
      docs.splice(place, 0, doc);
      worths.splice(place, 0, own);
      if (docs.length > limit) {
        docs.pop();
        worths.pop();
      }
    };
    if (oldestFirst || found.docs !== null) for (const part of chunksOf(found)) part.forEach(offer);
    else {
      this.#eachBlock(found.bits!, offer, (latest, firstDoc) => {
        if (docs.length < limit) return false;
        const last = worths[limit - 1]!;
        return latest < last || (latest === last && firstDoc > docs[limit - 1]!);
      });
    }
    return docs;
  }

  /** The block with the latest time first, so that it can be told early that no better document will come. */
  #eachBlock(bits: Uint32Array, offer: (doc: number) => void, isDone: (latest: number, doc: number) => boolean): void {
    const order = Float64Array.from(
      this.#latest,
      (at, block) => (Math.ceil(at) + 1) * blockLimit + (blockLimit - 1 - block),
    );
    order.sort();
    const words = this.#blockSize / 32;
    for (let place = order.length - 1; place >= 0; place--) {
      const block = blockLimit - 1 - (order[place]! % blockLimit);
      const first = block * this.#blockSize;
      if (isDone(this.#latest[block]!, first)) return;
      const part = bits.subarray(block * words, (block + 1) * words);
      for (const bitsOn of chunksOf({ count: 0, bits: part, docs: null })) for (const bit of bitsOn) offer(first + bit);
    }
  }
}
