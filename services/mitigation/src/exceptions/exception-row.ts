import type { MitigationExceptionDto, MitigationExceptionRecord } from '@quell/contracts/mitigation-exception';
import type { ClientBase, Pool } from 'pg';

/** An exception as its table and its suspensions have it. */
export interface ExceptionRow {
  readonly id: string;
  readonly kind: MitigationExceptionDto['kind'];
  readonly value: string;
  readonly reason: string;
  readonly expires_at: Date | null;
  readonly created_at: Date;
  readonly created_by: string;
  readonly deleted_at: Date | null;
  readonly version: number;
  readonly in_force: boolean;
  readonly suspensions: readonly MitigationExceptionDto['suspensions'][number][];
}

const time = (column: string) => `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;

/** `SELECT` of {@link ExceptionRow}; the table is `e`. */
export const SELECT_EXCEPTION = `
  SELECT e.id, e.kind, e.value, e.reason, e.expires_at, e.created_at, e.created_by, e.deleted_at, e.version,
    e.expires_at IS NULL OR e.expires_at > now() AS in_force,
    coalesce((SELECT jsonb_agg(jsonb_build_object('taskId', s.task_id, 'run', s.run, 'endpointId', s.endpoint_id, 'until', ${time('s.until')})
                ORDER BY s.task_id)
              FROM mitigation.suspension_in_force s WHERE s.exception_id = e.id), '[]') AS suspensions
  FROM mitigation.mitigation_exception e`;

/** An exception that was not deleted, expired or not. */
export async function findException(on: ClientBase | Pool, id: string): Promise<ExceptionRow | undefined> {
  const { rows } = await on.query<ExceptionRow>(`${SELECT_EXCEPTION} WHERE e.id = $1 AND e.deleted_at IS NULL`, [id]);
  return rows[0];
}

export function exceptionDtoOf(row: ExceptionRow): MitigationExceptionDto {
  return {
    id: row.id,
    kind: row.kind,
    value: row.value,
    reason: row.reason,
    ...(row.expires_at === null ? {} : { expiresAt: row.expires_at.toISOString() }),
    inForce: row.in_force,
    suspensions: [...row.suspensions],
    createdAt: row.created_at.toISOString(),
    createdBy: row.created_by,
    version: row.version,
  };
}

/** What other services are told of it. */
export function exceptionRecordOf(row: ExceptionRow): MitigationExceptionRecord {
  return {
    id: row.id,
    kind: row.kind,
    value: row.value,
    reason: row.reason,
    ...(row.expires_at === null ? {} : { expiresAt: row.expires_at.toISOString() }),
    ...(row.deleted_at === null ? {} : { deletedAt: row.deleted_at.toISOString() }),
    suspendedFor: row.suspensions.map(({ endpointId, until }) => ({ endpointId, until })),
    version: row.version,
  };
}
