import type { ApiKeyDto, apiKeyRequest, CreatedApiKey } from '@quell/contracts/api-keys';
import { hashOfKey, newApiKey, prefixOf } from '@quell/service-kit/api-key';
import { decodeCursor, type Page, pageOf } from '@quell/service-kit/cursor';
import { type DataSource, IsNull, LessThan } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import { z } from 'zod';
import { ApiKeyEntity } from './api-key.entity.ts';

/** Makes a key. Its secret is in the answer and nowhere else. */
export async function createApiKey(
  dataSource: DataSource,
  request: z.infer<typeof apiKeyRequest>,
  now: Date,
): Promise<CreatedApiKey> {
  const { secret, prefix, hash } = newApiKey();
  const row = await dataSource.getRepository(ApiKeyEntity).save({
    id: uuidv7(),
    name: request.name,
    origin: 'api' as const,
    prefix,
    hash,
    scopes: [...new Set(request.scopes)],
    createdAt: now,
    expiresAt: request.expiresAt === undefined ? null : new Date(request.expiresAt),
    revokedAt: null,
    lastUsedAt: null,
  });
  return { ...dtoOf(row), secret };
}

/** The newest first: ids are UUIDv7, so their order is the order of time. */
export async function listApiKeys(dataSource: DataSource, limit: number, cursor?: string): Promise<Page<ApiKeyDto>> {
  const rows = await dataSource.getRepository(ApiKeyEntity).find({
    where: cursor === undefined ? {} : { id: LessThan(decodeCursor(cursor, z.uuid())) },
    order: { id: 'DESC' },
    take: limit + 1,
  });
  return pageOf(rows, limit, dtoOf, ({ id }) => id);
}

/** Revokes a key; again is no error. False when there is no such key. */
export async function revokeApiKey(dataSource: DataSource, id: string, now: Date): Promise<boolean> {
  const keys = dataSource.getRepository(ApiKeyEntity);
  await keys.update({ id, revokedAt: IsNull() }, { revokedAt: now });
  return keys.existsBy({ id });
}

/**
 * Makes `secret` the administrator's key, and the only one of its kind: a changed QUELL_ADMIN_KEY ends the one before. Starting
 * again, or two replicas starting at once, changes nothing.
 */
export async function storeAdministratorKey(dataSource: DataSource, secret: string, now: Date): Promise<void> {
  const hash = hashOfKey(secret);
  await dataSource.transaction(async (manager) => {
    await manager.query(
      `INSERT INTO auth.api_key (id, name, origin, prefix, hash, scopes, created_at)
       VALUES ($1, 'administrator', 'administrator', $2, $3, '{admin}', $4)
       ON CONFLICT ON CONSTRAINT api_key_hash_unique DO UPDATE
         SET origin = 'administrator', scopes = '{admin}', revoked_at = NULL, expires_at = NULL`,
      [uuidv7(), prefixOf(secret), hash, now],
    );
    await manager.query(
      `UPDATE auth.api_key SET revoked_at = $2 WHERE origin = 'administrator' AND hash <> $1 AND revoked_at IS NULL`,
      [hash, now],
    );
  });
}

function dtoOf(row: ApiKeyEntity): ApiKeyDto {
  return {
    id: row.id,
    name: row.name,
    prefix: row.prefix,
    scopes: row.scopes,
    createdAt: row.createdAt.toISOString(),
    ...(row.expiresAt === null ? {} : { expiresAt: row.expiresAt.toISOString() }),
    ...(row.revokedAt === null ? {} : { revokedAt: row.revokedAt.toISOString() }),
    ...(row.lastUsedAt === null ? {} : { lastUsedAt: row.lastUsedAt.toISOString() }),
  };
}
