import { facetValueLimit, type ValueFacet } from '@quell/device-query/facets';
import { compareText } from '@quell/device-query/rank';

/** Values of a field that repeat: a code each, and their codes in code point order. */
export class CodedValues {
  readonly values: readonly string[];
  readonly #codes: ReadonlyMap<string, number>;
  readonly #order: Uint32Array;
  /** The code of the empty text, which counts as no value. */
  readonly #empty: number;

  constructor(values: readonly string[]) {
    this.values = values;
    this.#codes = new Map(values.map((value, code) => [value, code]));
    this.#empty = values.indexOf('');
    this.#order = Uint32Array.from(values, (_, code) => code);
    this.#order.sort((a, b) => compareText(values[a]!, values[b]!));
  }

  codeOf(value: string): number | undefined {
    return this.#codes.get(value);
  }

  /**
   * @param counts by code; @param others counts of values that have no code.
   * @returns the same as `valueFacet`, without sorting what will not be shown.
   */
  facetOf(counts: Uint32Array, others: ReadonlyMap<string, number>): ValueFacet {
    const codes = new Int32Array(facetValueLimit + 1);
    const tops = new Uint32Array(facetValueLimit + 1);
    let length = 0;
    let distinct = 0;
    let least = 0;
    // In this order a later value of the same count never comes before an earlier one.
    for (let at = 0; at < this.#order.length; at++) {
      const code = this.#order[at]!;
      const count = counts[code]!;
      if (count === 0 || code === this.#empty) continue;
      distinct++;
      if (count <= least && length === facetValueLimit) continue;
      let place = length;
      for (; place > 0 && tops[place - 1]! < count; place--) {
        tops[place] = tops[place - 1]!;
        codes[place] = codes[place - 1]!;
      }
      tops[place] = count;
      codes[place] = code;
      length = Math.min(length + 1, facetValueLimit);
      least = tops[length - 1]!;
    }
    const values = Array.from(codes.subarray(0, length), (code, place) => ({
      value: this.values[code]!,
      count: tops[place]!,
    }));
    for (const [value, count] of others) {
      if (value === '') continue;
      distinct++;
      const place = values.findIndex((other) => isBefore(value, count, other));
      values.splice(place < 0 ? values.length : place, 0, { value, count });
    }
    return { values: values.slice(0, facetValueLimit), others: Math.max(0, distinct - facetValueLimit) };
  }
}

function isBefore(value: string, count: number, other: { readonly value: string; readonly count: number }): boolean {
  return count > other.count || (count === other.count && compareText(value, other.value) < 0);
}
