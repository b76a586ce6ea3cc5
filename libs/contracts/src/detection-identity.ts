import { hash } from 'node:crypto';
import type { DetectedThreat, NativeDetection } from './detection.ts';
import { uuidv5 } from './uuidv5.ts';
import type { Platform } from './vocabulary.ts';

const DETECTION_NAMESPACE = '6f1d6d53-3a42-5c0b-9d0e-1c5b8f0f7a11';

/** JSON with object members in code-unit order, so that equal content gives equal text whatever order it was sent in. */
export function canonicalJson(value: unknown): string {
  try {
    return JSON.stringify(inOrder(value));
  } catch (error) {
    if (error !== notOrderable) throw error;
    return memberByMember(value);
  }
}

const notOrderable = new Error('an object cannot hold these members in code-unit order');

/**
 * A copy with the members in order, so that the engine's own JSON.stringify, several times faster than ours, can write it. Members
 * named like array indexes come first in any object whatever we do, and `__proto__` cannot be set: then it throws.
 */
function inOrder(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(inOrder);
  const copy: Record<string, unknown> = {};
  for (const name of Object.keys(value).sort()) {
    const first = name.charCodeAt(0);
    if ((first >= 0x30 && first <= 0x39) || name === '__proto__') throw notOrderable;
    copy[name] = inOrder((value as Record<string, unknown>)[name]);
  }
  return copy;
}

function memberByMember(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((item) => memberByMember(item ?? null)).join(',')}]`;
  if (value !== null && typeof value === 'object') {
    const members = Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, member]) => `${JSON.stringify(name)}:${memberByMember(member)}`);
    return `{${members.join(',')}}`;
  }
  return JSON.stringify(value);
}

/** `uuidv5(source, sourceId)`: the same detection of the same source has one id, whoever sends it and how often. */
export function detectionIdOf(source: string, sourceId: string): string {
  // The length keeps ("a", "b:c") and ("a:b", "c") apart.
  return uuidv5(`${source.length}:${source}:${sourceId}`, DETECTION_NAMESPACE);
}

/**
 * `uuidv5(detectionId, activity, content)`: equal content is a duplicate, other content of the same detection an update.
 * Formats that carry their own modification time pass it as `modifiedAt`; otherwise the SHA-256 of the canonical content serves.
 */
export function eventIdOf(
  detectionId: string,
  activity: string,
  content: NativeDetection,
  modifiedAt?: string,
): string {
  const mark = modifiedAt ?? hash('sha256', canonicalJson(content));
  return uuidv5(`${activity}:${mark}`, detectionId);
}

/** Keys are rows of an index of Postgres, which holds 2704 bytes at most. */
const LONGEST_KEY_BYTES = 512;

/**
 * What makes two detections on one endpoint "the same threat": the SHA-256, else kind + path (case-folded on Windows,
 * whose paths do not tell case apart), else kind + name. Source: statuses.md, "Which task takes a detection".
 *
 * One of `sha256:<hex>`, `path:<kind>:<path>`, `name:<kind>:<name>`; where the latter two would be longer than 512 bytes of UTF-8,
 * `path-sha256:<kind>:<hex>` and `name-sha256:<kind>:<hex>`, the SHA-256 of the (folded) path or name.
 */
export function threatKeyOf(threat: DetectedThreat, platform?: Platform): string {
  if (threat.sha256 !== undefined) return `sha256:${threat.sha256}`;
  const kind = threat.kind ?? (threat.path === undefined ? 'other' : 'file');
  if (threat.path === undefined) return bounded('name', kind, threat.name);
  return bounded('path', kind, platform === 'windows' ? threat.path.toLowerCase() : threat.path);
}

function bounded(what: 'path' | 'name', kind: string, value: string): string {
  const key = `${what}:${kind}:${value}`;
  return Buffer.byteLength(key) > LONGEST_KEY_BYTES ? `${what}-sha256:${kind}:${hash('sha256', value)}` : key;
}
