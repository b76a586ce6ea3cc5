import type { Tolerance } from '@quell/device-query/typos';
import { firstWhere } from './bytes.ts';

/** Sorted texts, of which `bytesOf` shows one at a time. */
export interface SortedTexts {
  readonly count: number;
  bytesOf(index: number): { readonly bytes: Uint8Array; readonly start: number; readonly end: number };
}

const encoder = new TextEncoder();
const sizeOf = (byte: number): number => (byte < 0x80 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4);

/**
 * Calls `accept` with each range of texts of which some beginning is as near to `word` as the tolerance allows; the same as
 * `isWithinEdits` of every text. Walks the sorted texts as if they were a tree, one character at a time, and carries the row of
 * the edit matrix along; where no edit is left only the characters that may still come are looked up.
 */
export function walkTypos(
  texts: SortedTexts,
  word: string,
  { edits, sameFirst }: Tolerance,
  accept: (from: number, to: number) => void,
): void {
  if (edits === 0) return;
  const typed = [...word].map((character) => encoder.encode(character));
  const length = typed.length;
  const isSame = (a: Uint8Array, b: Uint8Array | undefined): boolean =>
    b !== undefined && a.length === b.length && a.every((byte, at) => byte === b[at]);

  /** The character of a text at `depth`, or nothing where it ends. */
  const characterAt = (index: number, depth: number): Uint8Array | undefined => {
    const { bytes, start, end } = texts.bytesOf(index);
    const at = start + depth;
    return at < end ? bytes.slice(at, at + sizeOf(bytes[at]!)) : undefined;
  };
  const compareAt = (index: number, depth: number, character: Uint8Array): number => {
    const { bytes, start, end } = texts.bytesOf(index);
    for (let at = 0; at < character.length; at++) {
      const place = start + depth + at;
      const difference = (place < end ? bytes[place]! : -1) - character[at]!;
      if (difference !== 0) return difference;
    }
    return 0;
  };

  interface Step {
    readonly row: readonly number[];
    readonly before: readonly number[] | undefined;
    readonly character: Uint8Array | undefined;
  }
  const follow = ({ row, before, character }: Step, next: Uint8Array): number[] => {
    const following = [row[0]! + 1];
    for (let column = 1; column <= length; column++) {
      const same = isSame(next, typed[column - 1]);
      let cost = Math.min(row[column - 1]! + (same ? 0 : 1), row[column]! + 1, following[column - 1]! + 1);
      if (
        before !== undefined &&
        column > 1 &&
        isSame(next, typed[column - 2]) &&
        isSame(typed[column - 1]!, character)
      ) {
        cost = Math.min(cost, before[column - 2]! + 1);
      }
      following.push(cost);
    }
    return following;
  };
  /** What may come next once every edit is spent. */
  const expected = ({ row, before, character }: Step): Uint8Array[] =>
    typed.filter(
      (one, column) =>
        typed.findIndex((other) => isSame(one, other)) === column &&
        typed.some((other, at) => {
          if (!isSame(one, other)) return false;
          const swap = before !== undefined && before[at]! < edits && isSame(typed[at + 1] ?? one, character);
          return row[at]! <= edits || (swap && at + 1 < length);
        }),
    );

  const visit = (low: number, high: number, depth: number, step: Step): void => {
    if (step.row[length]! <= edits) {
      accept(low, high);
      return;
    }
    const least = Math.min(...step.row);
    if (least > edits) return;
    const descend = (from: number, to: number, next: Uint8Array): void => {
      visit(from, to, depth + next.length, { row: follow(step, next), before: step.row, character: next });
    };
    if ((depth === 0 && sameFirst) || least >= edits) {
      for (const next of depth === 0 && sameFirst ? [typed[0]!] : expected(step)) {
        const from = firstWhere(low, high, (index) => compareAt(index, depth, next) >= 0);
        const to = firstWhere(from, high, (index) => compareAt(index, depth, next) > 0);
        if (from < to) descend(from, to, next);
      }
      return;
    }
    let from = firstWhere(low, high, (index) => characterAt(index, depth) !== undefined);
    while (from < high) {
      const next = characterAt(from, depth)!;
      const to = firstWhere(from, high, (index) => compareAt(index, depth, next) > 0);
      descend(from, to, next);
      from = to;
    }
  };
  visit(0, texts.count, 0, {
    row: [...typed.map((_, column) => column), length],
    before: undefined,
    character: undefined,
  });
}
