import { createHash } from 'node:crypto';
import { v5 as uuidv5 } from 'uuid';
import type { DetectedThreat, NativeDetection } from './detection.ts';
import type { Platform } from './vocabulary.ts';

const DETECTION_NAMESPACE = '6f1d6d53-3a42-5c0b-9d0e-1c5b8f0f7a11';

/** JSON with object members in code-unit order, so that equal content gives equal text whatever order it was sent in. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item ?? null)).join(',')}]`;
  if (value !== null && typeof value === 'object') {
    const members = Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, member]) => `${JSON.stringify(name)}:${canonicalJson(member)}`);
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
  const mark = modifiedAt ?? createHash('sha256').update(canonicalJson(content)).digest('hex');
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
