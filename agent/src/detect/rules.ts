/** A byte sequence that marks a threat wherever it stands in a file. */
export interface BytePattern {
  readonly name: string;
  readonly bytes: Buffer;
}

/** What the agent looks for besides the EICAR test file: names by lower-case hex SHA-256, and byte patterns. */
export interface Rules {
  readonly hashes: ReadonlyMap<string, string>;
  readonly patterns: readonly BytePattern[];
}

export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly line: number; readonly detail: string };

/** A pattern longer than this is a file, not a mark; the reader keeps this many bytes between two chunks. */
const MAX_PATTERN_BYTES = 65_536;

/** Lines of a rule file with their numbers from 1, without comments (`#`) and blank lines. */
function* ruleLines(text: string): Generator<[number, string]> {
  for (const [index, raw] of text.split(/\r?\n/).entries()) {
    const line = raw.trim();
    if (line !== '' && !line.startsWith('#')) yield [index + 1, line];
  }
}

/** Reads a list of SHA-256 digests, one per line, optionally followed by a name (also what `sha256sum` prints). */
export function parseHashList(text: string): Parsed<ReadonlyMap<string, string>> {
  const hashes = new Map<string, string>();
  for (const [number, line] of ruleLines(text)) {
    const match = /^([0-9a-fA-F]{64})(?:\s+\*?(.+))?$/.exec(line);
    const digest = match?.[1]?.toLowerCase();
    if (digest === undefined) return { ok: false, line: number, detail: 'not 64 hexadecimal digits and a name' };
    hashes.set(digest, (match?.[2] ?? `SHA256:${digest.slice(0, 16)}`).slice(0, 512));
  }
  return { ok: true, value: hashes };
}

/** Reads byte patterns, one `name: hex bytes` (or bare hex) per line; spaces between bytes are allowed. */
export function parsePatterns(text: string): Parsed<readonly BytePattern[]> {
  const patterns: BytePattern[] = [];
  for (const [number, line] of ruleLines(text)) {
    const cut = line.lastIndexOf(':');
    const hex = line.slice(cut + 1).replace(/\s+/g, '');
    if (!/^(?:[0-9a-fA-F]{2})+$/.test(hex)) return { ok: false, line: number, detail: 'not `name: hex bytes`' };
    if (hex.length / 2 > MAX_PATTERN_BYTES) {
      return { ok: false, line: number, detail: `longer than ${MAX_PATTERN_BYTES} bytes` };
    }
    const name = cut > 0 ? line.slice(0, cut).trim().slice(0, 512) : `Pattern:${hex.slice(0, 16).toLowerCase()}`;
    patterns.push({ name, bytes: Buffer.from(hex, 'hex') });
  }
  return { ok: true, value: patterns };
}

/** All rules of several sources together; where two name one hash, the first name stays. */
export function mergeRules(sources: readonly Rules[]): Rules {
  const hashes = new Map<string, string>();
  for (const source of sources) {
    for (const [digest, name] of source.hashes) if (!hashes.has(digest)) hashes.set(digest, name);
  }
  return { hashes, patterns: sources.flatMap(({ patterns }) => patterns) };
}
