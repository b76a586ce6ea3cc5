import { createHash } from 'node:crypto';
import type { DeviceQuery } from '@quell/contracts/device-query';
import { type DeviceSort, deviceMatched } from '@quell/contracts/device-search';
import { decodeCursor, encodeCursor } from '@quell/service-kit/cursor';
import { refusal } from '@quell/service-kit/problem-error';
import { z } from 'zod';
import type { PageKey } from '../index/device-index.ts';

const content = z.tuple([z.string(), deviceMatched, z.custom<PageKey>()]);

/** Where a page ended, and how freely its words were read: the next page goes on in the same reading. */
export interface PageEnd {
  readonly matched: z.infer<typeof deviceMatched>;
  readonly key: PageKey;
}

export function pageCursor(query: DeviceQuery, sort: DeviceSort, { matched, key }: PageEnd): string {
  return encodeCursor([digest(query, sort), matched, key]);
}

/** @throws ProblemError 400 for what is no cursor, or one of another query or order */
export function pageEndOf(cursor: string, query: DeviceQuery, sort: DeviceSort): PageEnd {
  const [of, matched, key] = decodeCursor(cursor, content);
  if (of === digest(query, sort)) return { matched, key };
  const detail =
    'This cursor belongs to another query or order. Repeat the query of the page it came from, or leave it out.';
  throw refusal('invalid-request', detail, { errors: [{ pointer: '/cursor', detail }] });
}

function digest(query: DeviceQuery, sort: DeviceSort): string {
  const { q, feature, match, group, platform, model, tag } = query;
  const text = JSON.stringify([q, feature, match, group, platform, model, tag, sort]);
  return createHash('sha256').update(text).digest('base64url').slice(0, 12);
}
