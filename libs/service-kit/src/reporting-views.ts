import pg from 'pg';
import type { Log } from './log.ts';

/** SELECTs by the names of the views that dashboards read in schema `reporting`, which all services share. */
export type ReportingViews = Readonly<Record<string, string>>;

const INSUFFICIENT_PRIVILEGE = '42501';

/**
 * Makes the views that are not there, at each start: a role that may not yet is told the cure, and the service starts without them. To change
 * a view, or a column that it reads, a migration drops it.
 *
 * @param client a connection of the role that owns the service's schemas
 */
export async function makeReportingViews(client: pg.Client, views: ReportingViews, log: Log): Promise<void> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT viewname AS name FROM pg_views WHERE schemaname = 'reporting' AND viewname = ANY ($1)`,
    [Object.keys(views)],
  );
  const missing = Object.entries(views).filter(([name]) => !rows.some((row) => row.name === name));
  if (missing.length === 0) return;
  await client.query('BEGIN');
  try {
    const { rowCount } = await client.query(`SELECT FROM pg_namespace WHERE nspname = 'reporting'`);
    if (rowCount === 0) await client.query('CREATE SCHEMA reporting');
    for (const [name, select] of missing) {
      await client.query(`CREATE VIEW reporting.${pg.escapeIdentifier(name)} AS ${select}`);
    }
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK');
    if ((error as pg.DatabaseError).code !== INSUFFICIENT_PRIVILEGE) throw error;
    const cure = await client.query<{ sql: string }>(
      `SELECT format('GRANT USAGE, CREATE ON SCHEMA reporting TO %I', current_user) AS sql`,
    );
    log.warn(
      { views: missing.map(([name]) => name), reason: (error as Error).message, cure: cure.rows[0]?.sql },
      'dashboards go without these views: run the cure as the owner of schema reporting, then start again',
    );
  }
}
