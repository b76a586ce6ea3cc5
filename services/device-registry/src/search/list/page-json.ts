import type { Facets, ValueFacet } from '@quell/device-query/facets';
import type { Highlight } from '@quell/device-query/highlight';
import type { IndexedDevice, SearchAnswer } from '../index/indexed-device.ts';
import { deviceItem } from './device-item.ts';

/*
 * Pages as JSON, put together from pieces that were written before: who types sees the same devices and counts at each letter, and to
 * write them again took longer than to find them. Pieces are bytes, since a page is sent as bytes.
 */

/** The members of a page beside its devices and counts. */
export interface PageMembers {
  readonly nextCursor: string | undefined;
  readonly position: string;
  readonly stale: boolean;
}

/** @returns a `DevicePage` in UTF-8. */
export function pageJson({ items, total, facets, matched }: SearchAnswer, members: PageMembers): Buffer {
  const { nextCursor, position, stale } = members;
  page.begin('{"items":[');
  for (const [at, { device, highlights }] of items.entries()) {
    if (at > 0) page.ascii(',');
    page.bytes(itemJson(device));
    page.ascii(`,"highlights":${highlightsJson(highlights)}}`);
  }
  page.ascii(nextCursor === undefined ? '],' : `],"nextCursor":${JSON.stringify(nextCursor)},`);
  page.ascii(`"total":${total},"position":"${position}","matched":"${matched}","facets":`);
  page.bytes(facetsJson(facets));
  page.ascii(stale ? ',"complete":true,"stale":true}' : ',"complete":true}');
  return page.finish();
}

const itemJsons = new WeakMap<IndexedDevice, Buffer>();
const facetJsons = new WeakMap<Facets, Buffer>();

/** Without its closing brace. */
function itemJson(device: IndexedDevice): Buffer {
  let json = itemJsons.get(device);
  if (json === undefined) {
    json = Buffer.from(JSON.stringify(deviceItem(device)).slice(0, -1));
    itemJsons.set(device, json);
  }
  return json;
}

/** Names of fields and numbers. */
function highlightsJson(highlights: readonly Highlight[]): string {
  return highlights.length === 0 ? '[]' : JSON.stringify(highlights);
}

function facetsJson(facets: Facets): Buffer {
  let json = facetJsons.get(facets);
  if (json === undefined) {
    const { capabilities, models, groups } = facets;
    const omitted = JSON.stringify({ models: models.others, groups: groups.others });
    json = Buffer.from(
      `{"capabilities":${JSON.stringify(capabilities)},"models":${countsJson(models)},"groups":${countsJson(groups)},"omitted":${omitted}}`,
    );
    facetJsons.set(facets, json);
  }
  return json;
}

/** Largest first, as an object of JavaScript would not keep names that are numbers. */
function countsJson({ values }: ValueFacet): string {
  return `{${values.map(({ value, count }) => `${JSON.stringify(value)}:${count}`).join(',')}}`;
}

/** One page at a time is written; what is handed out is a copy. */
class PageBytes {
  #buffer = Buffer.allocUnsafe(1 << 16);
  #length = 0;

  begin(text: string): void {
    this.#length = 0;
    this.ascii(text);
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#buffer.length) return;
    const grown = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#length + more));
    this.#buffer.copy(grown, 0, 0, this.#length);
    this.#buffer = grown;
  }

  ascii(text: string): void {
    this.#reserve(text.length);
    this.#length += this.#buffer.write(text, this.#length, 'latin1');
  }

  bytes(piece: Buffer): void {
    this.#reserve(piece.length);
    this.#length += piece.copy(this.#buffer, this.#length);
  }

  finish(): Buffer {
    return Buffer.from(this.#buffer.subarray(0, this.#length));
  }
}

const page = new PageBytes();
