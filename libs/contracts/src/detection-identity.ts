import { hash } from 'node:crypto';
import type { DetectedThreat, NativeDetection } from './detection.ts';
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

/**
 * What makes two detections on one endpoint "the same threat": the SHA-256, else kind + path (case-folded on Windows,
 * whose paths do not tell case apart), else kind + name. Source: statuses.md, "Which task takes a detection".
 */
export function threatKeyOf(threat: DetectedThreat, platform?: Platform): string {
  if (threat.sha256 !== undefined) return `sha256:${threat.sha256}`;
  const kind = threat.kind ?? (threat.path === undefined ? 'other' : 'file');
  if (threat.path !== undefined) {
    return `path:${kind}:${platform === 'windows' ? threat.path.toLowerCase() : threat.path}`;
  }
  return `name:${kind}:${threat.name}`;
}

/** RFC 9562, 5.5. The `uuid` package's `v5` gives the same at two and a half times the cost, which each detection pays twice. */
function uuidv5(name: string, namespace: string): string {
  // No UTF-16 code unit takes more than three bytes of UTF-8.
  const input = Buffer.allocUnsafe(16 + 3 * name.length);
  input.write(namespace.replaceAll('-', ''), 0, 16, 'hex');
  const hex = hash('sha1', input.subarray(0, 16 + input.write(name, 16, 'utf8')));
  const variant = ((Number.parseInt(hex.charAt(16), 16) & 0x3) | 0x8).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
