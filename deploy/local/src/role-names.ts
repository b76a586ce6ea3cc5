import { createHash } from 'node:crypto';

/** The services that own a schema of their own name. */
export const services = ['ingest', 'mitigation', 'device_registry', 'vpn_policy'] as const;

/** Who logs in to the database: one a service, the one that owns the schemas and migrates them, and Grafana. */
export const logins = [...services, 'migration', 'grafana'] as const;
export type Login = (typeof logins)[number];

/** What Postgres keeps of a name, less the longest of our endings. */
const prefixBytes = 63 - Math.max(...[...logins, 'auth_reader'].map((part) => `_${part}`.length));

/**
 * The role of a part of Quell in one database: roles belong to the whole server, so each database has its own. The role that
 * members of read the API keys is found by the services next to the migration role (libs/service-kit, migrations.ts).
 *
 * @returns `quell_<database>_<part>`, at most 63 bytes; a database's name that is too long is cut and ends in its hash.
 */
export function roleName(database: string, part: Login | 'auth_reader'): string {
  const prefix = `quell_${database}`;
  if (Buffer.byteLength(prefix) <= prefixBytes) return `${prefix}_${part}`;
  const hash = createHash('sha256').update(database).digest('hex').slice(0, 10);
  // Cutting bytes may leave half a character.
  const kept = Buffer.from(prefix)
    .subarray(0, prefixBytes - hash.length - 1)
    .toString()
    .replace(/\uFFFD$/, '');
  return `${kept}_${hash}_${part}`;
}
