import { type NativeDetection, type NormalisedDetection, nativeDetection } from '@quell/contracts/detection';
import { detectionIdOf, eventIdOf } from '@quell/contracts/detection-identity';
import { jsonPointer } from '@quell/contracts/problem';

/** What a format's reader makes of one item: a detection, or every bad place of it. */
export type Normalised =
  | { readonly kind: 'detection'; readonly detection: NormalisedDetection }
  | { readonly kind: 'refused'; readonly errors: readonly Fault[] };

export interface Fault {
  /** JSON Pointer into the item. */
  readonly pointer: string;
  readonly detail: string;
}

const FUTURE_TOLERANCE_MS = 24 * 3600 * 1000;
/** Deeper JSON is no detection, and every recursive reader behind us would have to fear it. */
const MAX_RAW_DEPTH = 64;

/** Reads one item of Quell's own format. Source: design.md, "Shapes other tools rely on"; detection-formats.md 5.6 for the time. */
export function normaliseNative(item: unknown, receivedAt: Date): Normalised {
  const parsed = nativeDetection.safeParse(item);
  if (!parsed.success) {
    const errors = parsed.error.issues.map((issue) => ({ pointer: jsonPointer(issue.path), detail: issue.message }));
    return { kind: 'refused', errors };
  }
  const fault = faultOf(parsed.data, receivedAt);
  if (fault !== undefined) return { kind: 'refused', errors: [fault] };
  const detectionId = detectionIdOf(parsed.data.source, parsed.data.sourceId);
  const eventId = eventIdOf(detectionId, 'create', parsed.data);
  return {
    kind: 'detection',
    detection: { ...parsed.data, detectionId, eventId, activity: 'create', receivedAt: receivedAt.toISOString() },
  };
}

function faultOf(detection: NativeDetection, receivedAt: Date): Fault | undefined {
  if (Date.parse(detection.detectedAt) - receivedAt.getTime() > FUTURE_TOLERANCE_MS) {
    const now = receivedAt.toISOString();
    return { pointer: '/detectedAt', detail: `must not be more than 24 h in the future; here it is ${now}` };
  }
  if (isDeeperThan(detection.raw, MAX_RAW_DEPTH)) {
    return { pointer: '/raw', detail: `must not be nested deeper than ${MAX_RAW_DEPTH} levels` };
  }
  return undefined;
}

/** Stops at `levels`, so its own recursion is bounded. */
function isDeeperThan(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (levels === 0) return true;
  for (const member of Object.values(value)) {
    if (isDeeperThan(member, levels - 1)) return true;
  }
  return false;
}
