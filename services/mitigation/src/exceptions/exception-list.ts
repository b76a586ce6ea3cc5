import type { MitigationExceptionDto, MitigationExceptionRequest } from '@quell/contracts/mitigation-exception';
import { timestamp, uuid } from '@quell/contracts/vocabulary';
import { decodeCursor, type Page, pageOf } from '@quell/service-kit/cursor';
import { inTransaction } from '@quell/service-kit/transaction';
import type { ClientBase, Pool } from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { z } from 'zod';
import { type ExceptionRow, exceptionDtoOf, findException, SELECT_EXCEPTION } from './exception-row.ts';

/** Every decision about a task reads them all. */
export const MOST_EXCEPTIONS = 1000;

const position = z.tuple([timestamp, uuid]);

/** Exceptions that were not deleted, the latest first. */
export async function listExceptions(
  pool: Pool,
  { limit, cursor }: { readonly limit: number; readonly cursor?: string | undefined },
): Promise<Page<MitigationExceptionDto>> {
  const after = cursor === undefined ? undefined : decodeCursor(cursor, position);
  const { rows } = await pool.query<ExceptionRow>(
    `${SELECT_EXCEPTION}
     WHERE e.deleted_at IS NULL AND ($1::timestamptz IS NULL OR e.created_at < $1 OR (e.created_at = $1 AND e.id > $2))
     ORDER BY e.created_at DESC, e.id LIMIT $3`,
    [after?.[0] ?? null, after?.[1] ?? null, limit + 1],
  );
  return pageOf(rows, limit, exceptionDtoOf, (row) => [row.created_at.toISOString(), row.id]);
}

export type AddedException =
  | { readonly ok: true; readonly isNew: boolean; readonly exception: MitigationExceptionDto }
  | { readonly ok: false; readonly code: 'expired' | 'full'; readonly detail: string };

/**
 * Adds an exception. It ends runs that open, or are handed out first, from now on; what is out already goes on. One in force with the
 * same kind, value, reason and end is answered instead of a second one, so a request may be sent again.
 */
export async function addException(
  pool: Pool,
  request: MitigationExceptionRequest,
  createdBy: string,
): Promise<AddedException> {
  return inTransaction(pool, async (client) => {
    // Readers go on; only another addition waits.
    await client.query(`SELECT pg_advisory_xact_lock(hashtext('mitigation exceptions'))`);
    const same = await findSame(client, request);
    if (same !== undefined) return { ok: true, isNew: false, exception: exceptionDtoOf(same) };
    return insertException(client, request, createdBy);
  });
}

async function findSame(client: ClientBase, { kind, value, reason, expiresAt }: MitigationExceptionRequest) {
  const { rows } = await client.query<ExceptionRow>(
    `${SELECT_EXCEPTION}
     WHERE e.deleted_at IS NULL AND (e.expires_at IS NULL OR e.expires_at > now())
       AND (e.kind, e.value, e.reason) = ($1, $2, $3) AND e.expires_at IS NOT DISTINCT FROM $4::timestamptz
     ORDER BY e.created_at, e.id LIMIT 1`,
    [kind, value, reason, expiresAt ?? null],
  );
  return rows[0];
}

async function insertException(
  client: ClientBase,
  { kind, value, reason, expiresAt }: MitigationExceptionRequest,
  createdBy: string,
): Promise<AddedException> {
  const id = uuidv7();
  // Milliseconds, as a cursor of the list has them.
  const { rowCount } = await client.query(
    `INSERT INTO mitigation.mitigation_exception (id, kind, value, reason, expires_at, created_at, created_by)
     SELECT $1, $2, $3, $4, $5::timestamptz, date_trunc('milliseconds', now()), $6
     WHERE ($5::timestamptz IS NULL OR $5::timestamptz > now())
       AND (SELECT count(*) FROM mitigation.mitigation_exception WHERE deleted_at IS NULL) < $7`,
    [id, kind, value, reason, expiresAt ?? null, createdBy, MOST_EXCEPTIONS],
  );
  if (rowCount === 1) return { ok: true, isNew: true, exception: exceptionDtoOf((await findException(client, id))!) };
  return expiresAt !== undefined && Date.parse(expiresAt) <= Date.now()
    ? { ok: false, code: 'expired', detail: 'is over already' }
    : {
        ok: false,
        code: 'full',
        detail: `There are ${MOST_EXCEPTIONS} exceptions already: delete what is not needed.`,
      };
}

/** Deletes an exception; false when there is none. What it ended stays ended. */
export async function deleteException(pool: Pool, id: string): Promise<boolean> {
  const { rowCount } = await pool.query(
    `UPDATE mitigation.mitigation_exception SET deleted_at = now(), version = version + 1 WHERE id = $1 AND deleted_at IS NULL`,
    [id],
  );
  return rowCount === 1;
}
