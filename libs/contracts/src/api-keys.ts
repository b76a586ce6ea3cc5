import { z } from 'zod';
import { pageOf } from './paging.ts';
import { scope } from './scopes.ts';
import { text, timestamp } from './vocabulary.ts';

/** Body of `POST /v1/api-keys`. */
export const apiKeyRequest = z.strictObject({
  name: text(256).min(1),
  scopes: z.array(scope).min(1),
  /** Absent: the key does not expire. */
  expiresAt: timestamp.optional(),
});

export const apiKeyDto = z.object({
  id: z.uuid(),
  name: z.string(),
  /** The first characters of the key, to tell keys apart. */
  prefix: z.string(),
  scopes: z.array(scope),
  createdAt: timestamp,
  expiresAt: timestamp.optional(),
  revokedAt: timestamp.optional(),
  lastUsedAt: timestamp.optional(),
});
export type ApiKeyDto = z.infer<typeof apiKeyDto>;

/** The answer that makes a key is the only one that ever shows its secret. */
export const createdApiKey = apiKeyDto.extend({ secret: z.string() });
export type CreatedApiKey = z.infer<typeof createdApiKey>;

export const apiKeyPage = pageOf(apiKeyDto);
