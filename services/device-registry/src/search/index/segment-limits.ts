/** What an index of texts is divided by. */
export interface SegmentLimits {
  /** Documents that are looked through rather than indexed by a further byte, at most. */
  readonly group: number;
  /** From so many documents on the neighbours of a part are indexed. */
  readonly frequent: number;
}

/** Looking at a document takes less than a microsecond, so that even both together are hardly felt. */
export const usualLimits: SegmentLimits = { group: 512, frequent: 512 };
