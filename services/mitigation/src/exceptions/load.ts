import type { ClientBase } from 'pg';
import type { MitigationException } from './match.ts';

/** The entries of the exception list that are in force. */
export async function loadExceptions(client: ClientBase): Promise<MitigationException[]> {
  const { rows } = await client.query<MitigationException>({
    name: 'load-exceptions',
    text: `SELECT id, kind, value FROM mitigation.mitigation_exception
           WHERE (expires_at IS NULL OR expires_at > now()) AND suspended IS NULL ORDER BY created_at, id`,
  });
  return rows;
}
