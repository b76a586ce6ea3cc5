import { createHash } from 'node:crypto';
import type { DeviceQuery } from '@quell/contracts/device-query';
import { type DeviceSort, deviceMatched } from '@quell/contracts/device-search';
import { decodeCursor, encodeCursor } from '@quell/service-kit/cursor';
import { refusal } from '@quell/service-kit/problem-error';
import { z } from 'zod';
import type { PageKey } from '../index/indexed-device.ts';

const content = z.tuple([
  z.string(),
  deviceMatched,
  z
    .array(z.union([z.string(), z.number()]))
    .min(2)
    .max(4),
]);

/** Where a page ended, and for which query and order: another one's is refused. */
export function pageCursor(query: DeviceQuery, sort: DeviceSort, { level, values }: PageKey): string {
  return encodeCursor([digest(query, sort), level, values]);
}

/** @throws ProblemError 400 for what is no cursor, or one of another query or order */
export function pageKeyOf(cursor: string, query: DeviceQuery, sort: DeviceSort): PageKey {
  const [of, level, values] = decodeCursor(cursor, content);
  if (of === digest(query, sort)) return { level, values };
  const detail =
    'This cursor belongs to another query or order. Repeat the query of the page it came from, or leave it out.';
  throw refusal('invalid-request', detail, { errors: [{ pointer: '/cursor', detail }] });
}

function digest(query: DeviceQuery, sort: DeviceSort): string {
  const { q, feature, match, group, platform, model, tag } = query;
  const text = JSON.stringify([q, feature, match, group, platform, model, tag, sort]);
  return createHash('sha256').update(text).digest('base64url').slice(0, 12);
}
