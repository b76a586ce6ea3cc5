import { jsonPointer } from '@quell/contracts/problem';
import { WITHHELD } from '@quell/contracts/vpn-formats';
import { build, buildBinary, type PlistValue } from 'plist';
import { knownKeys } from '../dialects/apple/known-keys.ts';
import { withoutCredentials } from '../evaluation/without-credentials.ts';
import { FILE_LIMITS } from '../formats/refusal.ts';

/** A value that no property list holds, and why. */
export type Unwritable = { readonly place: string; readonly text: string };

/** The library refers from two bytes. */
const OBJECT_LIMIT = 2 ** 16 - 1;
// biome-ignore lint/suspicious/noControlCharactersInRegex: XML 1.0 has no way to write these.
const notInXml = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/;

/** The first value that a property list cannot hold. */
export function unwritable(root: unknown, binary: boolean): Unwritable | null {
  let count = 0;
  const look = (value: unknown, path: readonly string[]): Unwritable | null => {
    const no = (text: string) => ({ place: jsonPointer(path), text });
    count += 1;
    if (count > OBJECT_LIMIT / 2) return no('too many values');
    if (path.length > FILE_LIMITS.depth) return no(`nested deeper than ${FILE_LIMITS.depth} levels`);
    switch (typeof value) {
      case 'boolean':
        return null;
      case 'number':
        return Number.isInteger(value) && !Number.isSafeInteger(value) ? no('an integer beyond 2^53') : null;
      case 'string':
        if (!value.isWellFormed()) return no('half of a surrogate pair');
        return !binary && notInXml.test(value) ? no('a character that XML cannot hold') : null;
      case 'object': {
        if (value === null) return no('null, which property lists do not have');
        const entries = Object.entries(value);
        if (!Array.isArray(value) && entries.length === 1 && entries[0]?.[0] === 'UID') return no('a reserved key');
        for (const [key, member] of entries) {
          const found = look(key, [...path, key]) ?? look(member, [...path, key]);
          if (found !== null) return found;
        }
        return null;
      }
      default:
        return no('no value of a property list');
    }
  };
  return look(root, []);
}

/** The bytes of an XML or binary property list. `root` has passed {@link unwritable}. */
export function writePlist(root: Readonly<Record<string, unknown>>, binary: boolean): Uint8Array {
  const value = root as PlistValue;
  return binary ? buildBinary(value) : new TextEncoder().encode(`${build(value)}\n`);
}

/**
 * `value` without secrets and without what the import withheld, and where that was: values of keys that Apple does not document or that hold
 * secrets, and texts with a credential in them.
 */
export function withoutSecrets(value: unknown): { readonly value: unknown; readonly places: readonly string[] } {
  const places: string[] = [];
  const strip = (one: unknown, path: readonly string[]): unknown => {
    const vendors = path.findLast((key) => !/^\d+$/.test(key)) === 'VendorConfig';
    if (typeof one === 'string' && (vendors || one.includes(WITHHELD) || withoutCredentials(one) !== one)) {
      places.push(jsonPointer(path));
      return undefined;
    }
    if (Array.isArray(one)) {
      return one.map((item, index) => strip(item, [...path, String(index)])).filter((item) => item !== undefined);
    }
    if (typeof one !== 'object' || one === null) return one;
    const kept = Object.entries(one).map(([key, member]): [string, unknown] => {
      const place = [...path, key];
      if (knownKeys.has(key)) return [key, strip(member, place)];
      places.push(jsonPointer(place));
      return [key, undefined];
    });
    return Object.fromEntries(kept.filter(([, member]) => member !== undefined));
  };
  return { value: strip(value, []), places };
}
