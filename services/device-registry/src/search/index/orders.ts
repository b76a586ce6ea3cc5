import { foldWord } from '@quell/device-query/fold';
import { compareText, displayKey, naturalKey } from '@quell/device-query/rank';
import type { BaseHits, BaseIndex } from './base-index.ts';
import { asBits, type DocSet, firstFrom, hasDoc } from './bits.ts';
import { firstWhere } from './bytes.ts';
import type { IndexedDevice, SortOrder } from './indexed-device.ts';
import { docsOfList } from './posting-lists.ts';

/** A device's place in an order: compared one after the other, its id last. */
export type Values = readonly (string | number)[];

/** A document of the base, and its class when the order has classes. */
export interface OrderedDoc {
  readonly doc: number;
  readonly rank: number;
}

export interface Order {
  /** @param rank of the device among the classes; orders without classes leave it. */
  readonly valuesOf: (device: IndexedDevice, rank: number) => Values;
  readonly compare: (a: Values, b: Values) => number;
  /** The documents found in the base, after `after`; those beyond `limit` may be left out. */
  readonly docs: (base: BaseIndex, hits: BaseHits, after: Values | undefined, limit: number) => Iterable<OrderedDoc>;
}

const compareValues = (a: Values, b: Values): number => {
  for (let at = 0; at < a.length; at++) {
    const [left, right] = [a[at]!, b[at]!];
    const difference =
      typeof left === 'number' ? left - Number(right) : compareText(left, typeof right === 'string' ? right : '');
    if (difference !== 0) return difference;
  }
  return 0;
};

/** Made with costly expressions, and asked for at every search of devices that changed lately: those are the same objects each time. */
const names = new WeakMap<IndexedDevice, string>();

function nameKey(device: IndexedDevice): string {
  let key = names.get(device);
  if (key === undefined) {
    key = displayKey(device);
    names.set(device, key);
  }
  return key;
}

/** @returns the first document whose name and id come after these. */
function docAfter({ segment, reader }: BaseIndex, key: string, id: string): number {
  return firstWhere(0, segment.count, (doc) => {
    const name = reader.nameOf(doc);
    return (compareText(displayKey(name), key) || compareText(name.id, id)) > 0;
  });
}

/** Members from `from` on, ascending; or descending from below `from`. */
function* walk(set: DocSet, from: number, descending = false): Generator<number> {
  const { bits, docs } = set;
  if (docs !== null) {
    let at = firstFrom(docs, from);
    if (descending) while (at > 0) yield docs[--at]!;
    else while (at < docs.length) yield docs[at++]!;
    return;
  }
  if (descending) {
    for (let word = Math.min((from - 1) >> 5, bits!.length - 1); word >= 0; word--) {
      let value = bits![word]!;
      if (word === from >>> 5) value &= (1 << (from & 31)) - 1;
      while (value !== 0) {
        const bit = 31 - Math.clz32(value);
        yield (word << 5) + bit;
        value &= ~(1 << bit);
      }
    }
    return;
  }
  for (let word = from >>> 5; word < bits!.length; word++) {
    let value = bits![word]!;
    if (word === from >>> 5) value &= -1 << (from & 31);
    for (; value !== 0; value &= value - 1) yield (word << 5) + (31 - Math.clz32(value & -value));
  }
}

/** The smaller of two sets leads; the other is asked. */
function* walkBoth(set: DocSet, found: DocSet, from: number): Generator<number> {
  if (set.bits !== null && found.bits !== null) {
    for (let word = from >>> 5; word < set.bits.length; word++) {
      let value = set.bits[word]! & found.bits[word]!;
      if (word === from >>> 5) value &= -1 << (from & 31);
      for (; value !== 0; value &= value - 1) yield (word << 5) + (31 - Math.clz32(value & -value));
    }
    return;
  }
  const [leading, asked] =
    set.docs !== null && (found.docs === null || set.count <= found.count) ? [set, found] : [found, set];
  for (const doc of walk(leading, from)) if (hasDoc(asked, doc)) yield doc;
}

function* byRelevance(base: BaseIndex, hits: BaseHits, after: Values | undefined): Generator<OrderedDoc> {
  const [rankAfter = -1, key = '', id = ''] = after ?? [];
  const start = after === undefined ? 0 : docAfter(base, String(key), String(id));
  if (hits.found.count === 0) return;
  if (hits.text === undefined) {
    for (const doc of walk(hits.found, start)) yield { doc, rank: 0 };
    return;
  }
  const earlier: DocSet[] = [];
  let rank = 0;
  for (const set of hits.text.classes()) {
    if (rank >= Number(rankAfter)) {
      for (const doc of walkBoth(set, hits.found, rank === rankAfter ? start : 0)) {
        if (!earlier.some((better) => hasDoc(better, doc))) yield { doc, rank };
      }
    }
    if (set.count > 0) earlier.push(set);
    rank++;
  }
}

const byLabel = (descending: boolean): Order => ({
  valuesOf: (device) => [nameKey(device), device.id],
  compare: turned(compareValues, descending),
  *docs(base, { found }, after) {
    const first = descending ? base.segment.count : 0;
    const bound = after === undefined ? first : docAfter(base, String(after[0]), String(after[1]));
    // The device after which to go on is itself the last one before the bound, if it is still there.
    for (const doc of walk(found, bound, descending)) {
      if (descending && after !== undefined && base.reader.idOf(doc) === after[1]) continue;
      yield { doc, rank: 0 };
    }
  },
});

const byId = (descending: boolean): Order => ({
  valuesOf: ({ id }) => [foldWord(id), id],
  compare: turned(compareValues, descending),
  *docs({ segment, reader }, { found }, after) {
    const places = segment.byId;
    const compare = turned(compareValues, descending);
    const docAt = (place: number) => places[descending ? places.length - 1 - place : place]!;
    const isPast = (place: number): boolean => {
      const id = reader.idOf(docAt(place));
      return compare([foldWord(id), id], after!) > 0;
    };
    const start = after === undefined ? 0 : firstWhere(0, places.length, isPast);
    const wanted = asBits(found, segment.count);
    for (let place = start; place < places.length; place++) {
      const doc = docAt(place);
      if (hasDoc(wanted, doc)) yield { doc, rank: 0 };
    }
  },
});

const byModel = (descending: boolean): Order => ({
  valuesOf: (device) => [naturalKey(device.model), device.model, nameKey(device), device.id],
  compare: turned(compareValues, descending),
  *docs(base, { found }, after) {
    const { modelOrder, modelLists, models } = base.segment;
    const compare = turned(compareValues, descending);
    const [, , key, id] = after ?? [];
    const wanted = asBits(found, base.segment.count);
    for (const code of descending ? modelOrder.toReversed() : modelOrder) {
      const model = models[code]!;
      const ahead = after === undefined ? 1 : compare([naturalKey(model), model], after.slice(0, 2));
      if (ahead < 0) continue;
      let docs = docsOfList(modelLists, code);
      if (ahead === 0) {
        const bound = firstFrom(docs, docAfter(base, String(key), String(id)));
        docs = descending ? docs.slice(0, bound) : docs.slice(bound);
        const last = docs.at(-1);
        if (descending && last !== undefined && base.reader.idOf(last) === id) docs = docs.slice(0, -1);
      }
      for (const doc of descending ? docs.toReversed() : docs) if (hasDoc(wanted, doc)) yield { doc, rank: 0 };
    }
  },
});

const byLastSeen = (oldestFirst: boolean): Order => {
  const place = (at: number): number => (at < 0 ? Number.POSITIVE_INFINITY : oldestFirst ? at : -at);
  return {
    valuesOf: (device) => [device.lastSeenAt ?? -1, nameKey(device), device.id],
    compare: ([a = 0, ...restA], [b = 0, ...restB]) => {
      const [left, right] = [place(Number(a)), place(Number(b))];
      return left === right ? compareValues(restA, restB) : left - right;
    },
    *docs(base, { found }, after, limit) {
      const [at, key, id] = after ?? [];
      const start = after && { at: Number(at), doc: docAfter(base, String(key), String(id)) };
      for (const doc of base.lastSeen.first(found, limit, oldestFirst, start)) yield { doc, rank: 0 };
    },
  };
};

function turned(compare: Order['compare'], descending: boolean): Order['compare'] {
  return descending ? (a, b) => compare(b, a) : compare;
}

export const orders: Readonly<Record<SortOrder, Order>> = {
  relevance: {
    valuesOf: (device, rank) => [rank, nameKey(device), device.id],
    compare: compareValues,
    docs: byRelevance,
  },
  lastSeen: byLastSeen(false),
  '-lastSeen': byLastSeen(true),
  label: byLabel(false),
  '-label': byLabel(true),
  id: byId(false),
  '-id': byId(true),
  model: byModel(false),
  '-model': byModel(true),
};
