import type { FeedCursor } from '@quell/event-store/feed';
import { z } from 'zod';

/** A place in the feed as text: what writes answer and reads may wait for. */
export function positionText({ txid, position }: FeedCursor): string {
  return `${txid}-${position}`;
}

/** Reads `positionText`. Both numbers fit their columns: `xid8` and `bigint`. */
export const feedPosition = z
  .string()
  .regex(/^\d{1,18}-\d{1,18}$/, 'must be a position as a write or a search answered it')
  .transform((text): FeedCursor => {
    const [txid = '0', position = '0'] = text.split('-');
    return { txid: BigInt(txid), position: BigInt(position) };
  });
