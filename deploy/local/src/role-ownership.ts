/**
 * Which roles of a server are ours to change. A comment on each says that we made it; the one on the migration role also says
 * which passwords it has (a hash of one that is 256 random bits), so that two data directories do not reset each other's.
 */
import { createHash } from 'node:crypto';
import pg from 'pg';
import { type Login, logins, roleName } from './role-names.ts';

/** The comments that our roles of a database carry, by role. */
export function roleComments(database: string, passwords: Readonly<Record<Login, string>>): Map<string, string> {
  const roles = [...logins, 'auth_reader'] as const;
  const comments = new Map(roles.map((part) => [roleName(database, part), ours(database)]));
  return comments.set(roleName(database, 'migration'), withPasswords(database, passwords));
}

/**
 * Why the roles of a database cannot be used, with the cure; `undefined` when they can: each one is missing or ours.
 *
 * @param existing the comment of each role that is there, `null` for none.
 */
export function roleRefusal(
  database: string,
  passwords: Readonly<Record<Login, string>>,
  existing: ReadonlyMap<string, string | null>,
): string | undefined {
  for (const [role, comment] of existing) {
    if (comment?.startsWith(ours(database))) continue;
    return (
      `The database server has a role ${role} that Quell did not make, and Quell changes no such role. ` +
      'Rename it, or name another database in DATABASE_URL.'
    );
  }
  const migration = roleName(database, 'migration');
  const comment = existing.get(migration);
  // Without the hash it is free to take.
  if (comment === undefined || comment === ours(database)) return undefined;
  if (comment === withPasswords(database, passwords)) return undefined;
  return (
    `The database ${database} is in use with another QUELL_DATA_DIR, which keeps the passwords of its roles. Start with that one, ` +
    'copy its folder postgres-roles into this one, or name another database in DATABASE_URL. If that data directory is lost, run ' +
    `COMMENT ON ROLE ${pg.escapeIdentifier(migration)} IS ${pg.escapeLiteral(ours(database))} there, and start again.`
  );
}

function ours(database: string): string {
  return `Quell made this role for the database ${JSON.stringify(database)}`;
}

function withPasswords(database: string, passwords: Readonly<Record<Login, string>>): string {
  const hash = createHash('sha256').update(passwords.migration).digest('hex').slice(0, 16);
  return `${ours(database)}, passwords ${hash}`;
}
