import type { TextTable } from './bytes.ts';

const tiny = 12;

/**
 * Sorts `order`, which holds indices of `texts`, by the bytes of the texts; equal texts stay in the order given. Some bytes at a
 * time make one number with the place, so that the engine's own sort of numbers does the work. No text may contain a zero byte.
 */
export function sortTexts({ bytes, offsets }: TextTable, order: Uint32Array): void {
  const scratch = new Float64Array(order.length);
  const copy = new Uint32Array(order.length);

  const isBefore = (a: number, b: number, depth: number): boolean => {
    let left = offsets[a]! + depth;
    let right = offsets[b]! + depth;
    const leftEnd = offsets[a + 1]!;
    const rightEnd = offsets[b + 1]!;
    while (left < leftEnd && right < rightEnd) {
      const difference = bytes[left++]! - bytes[right++]!;
      if (difference !== 0) return difference < 0;
    }
    return left >= leftEnd && right < rightEnd;
  };

  const insert = (low: number, high: number, depth: number): void => {
    for (let at = low + 1; at < high; at++) {
      const moved = order[at]!;
      let to = at;
      while (to > low && isBefore(moved, order[to - 1]!, depth)) {
        order[to] = order[to - 1]!;
        to--;
      }
      order[to] = moved;
    }
  };

  const pending: number[] = [0, order.length, 0];
  while (pending.length > 0) {
    const depth = pending.pop()!;
    const high = pending.pop()!;
    const low = pending.pop()!;
    if (high - low <= tiny) {
      insert(low, high, depth);
      continue;
    }
    // A double holds 53 bits: the place takes what it needs, bytes the rest.
    const placeBits = 32 - Math.clz32(high - low);
    const size = Math.min(6, (53 - placeBits) >> 3);
    const places = 2 ** placeBits;
    for (let at = low; at < high; at++) {
      const text = order[at]!;
      const start = offsets[text]! + depth;
      const end = offsets[text + 1]!;
      let key = 0;
      for (let byte = start; byte < start + size; byte++) key = key * 256 + (byte < end ? bytes[byte]! : 0);
      scratch[at] = key * places + (at - low);
    }
    copy.set(order.subarray(low, high), low);
    scratch.subarray(low, high).sort();
    let groupStart = low;
    let group = -1;
    for (let at = low; at <= high; at++) {
      const value = at < high ? scratch[at]! : Number.POSITIVE_INFINITY;
      const bytesOf = Math.floor(value / places);
      if (bytesOf !== group) {
        // A zero as the last of the bytes means that all of these texts have ended.
        if (at - groupStart > 1 && group % 256 !== 0) pending.push(groupStart, at, depth + size);
        groupStart = at;
        group = bytesOf;
      }
      if (at < high) order[at] = copy[low + (value - bytesOf * places)]!;
    }
  }
}
