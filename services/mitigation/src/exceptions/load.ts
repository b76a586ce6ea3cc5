import type { MitigationException } from '@quell/contracts/exception-match';
import type { ClientBase } from 'pg';

/** The entries of the exception list that are in force, each with the endpoints that it does not cover while their runs last. */
export async function loadExceptions(client: ClientBase): Promise<MitigationException[]> {
  const { rows } = await client.query<MitigationException>({
    name: 'load-exceptions',
    text: `SELECT e.id, e.kind, e.value, coalesce(s.endpoints, '{}') AS "suspendedFor" FROM mitigation.mitigation_exception e
           LEFT JOIN (SELECT exception_id, array_agg(endpoint_id) AS endpoints FROM mitigation.suspension_in_force GROUP BY exception_id) s
             ON s.exception_id = e.id
           WHERE (e.expires_at IS NULL OR e.expires_at > now()) AND e.deleted_at IS NULL ORDER BY e.created_at, e.id`,
  });
  return rows;
}
