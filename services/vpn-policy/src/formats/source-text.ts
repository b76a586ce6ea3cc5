import type { FilePlace } from '@quell/contracts/file-place';
import { Refusal } from './refusal.ts';

/** The text of a file, and where its lines begin. */
export class SourceText {
  readonly text: string;
  readonly #lines: number[] = [0];

  constructor(text: string) {
    this.text = text;
    for (const end of text.matchAll(/\r\n|\r|\n/g)) this.#lines.push(end.index + end[0].length);
  }

  /** Line and column, from 1, of an index into the text. */
  at(index: number): FilePlace {
    let [low, high] = [0, this.#lines.length];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((this.#lines[middle] ?? 0) <= index) low = middle;
      else high = middle;
    }
    return { line: low + 1, column: index - (this.#lines[low] ?? 0) + 1 };
  }
}

/** Encodings that an XML declaration may name, with the decoder's name for it. */
const encodings: Readonly<Record<string, string>> = {
  'utf-8': 'utf-8',
  utf8: 'utf-8',
  'us-ascii': 'utf-8',
  'iso-8859-1': 'latin1',
  'windows-1252': 'latin1',
};

/** Decodes XML by its byte order mark, else by its first bytes, else by what its declaration names (XML 1.0, appendix F). */
export function decodeXml(bytes: Uint8Array): SourceText {
  const [first, second] = bytes;
  if ((first === 0xfe && second === 0xff) || (first === 0 && second === 0x3c)) return decode(bytes, 'utf-16be');
  if ((first === 0xff && second === 0xfe) || (first === 0x3c && second === 0)) return decode(bytes, 'utf-16le');
  if (first === 0xef && second === 0xbb) return decode(bytes, 'utf-8');
  const head = new TextDecoder('latin1').decode(bytes.subarray(0, 200));
  const [, named = 'utf-8'] = /^<\?xml[^>]*?\sencoding\s*=\s*["']([^"']*)["']/.exec(head) ?? [];
  const encoding = encodings[named.toLowerCase()];
  if (encoding === undefined) throw new Refusal('unsupported', 'an encoding that is not read', { line: 1, column: 1 });
  return decode(bytes, encoding);
}

function decode(bytes: Uint8Array, encoding: string): SourceText {
  try {
    return new SourceText(new TextDecoder(encoding, { fatal: true }).decode(bytes));
  } catch {
    const lossy = new TextDecoder(encoding).decode(bytes);
    throw new Refusal('malformed', `bytes that are not ${encoding}`, new SourceText(lossy).at(firstBad(bytes, lossy)));
  }
}

/** The first replacement character that does not stand in the bytes themselves; in UTF-16 the first there is. */
function firstBad(bytes: Uint8Array, lossy: string): number {
  let [from, byte] = [0, bytes[0] === 0xef && bytes[1] === 0xbb ? 3 : 0];
  for (;;) {
    const index = lossy.indexOf('\ufffd', from);
    if (index < 0) return lossy.length;
    byte += Buffer.byteLength(lossy.slice(from, index));
    if (!(bytes[byte] === 0xef && bytes[byte + 1] === 0xbf && bytes[byte + 2] === 0xbd)) return index;
    byte += 3;
    from = index + 1;
  }
}
