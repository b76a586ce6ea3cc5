import type { Backend } from './catalogue.ts';
import type { ProvisionedDatabase } from './provision.ts';
import type { RunningService } from './service-process.ts';
import type { Settings } from './settings.ts';

// Each program is given those it needs; the launcher's own would let it act as superuser or as administrator.
const notPassedOn = [
  'DATABASE_URL',
  'QUELL_MIGRATION_DATABASE_URL',
  'KAFKA_BROKERS',
  'QUELL_ADMIN_KEY',
  'QUELL_PORT',
  'QUELL_HOST',
  // Its services are for its gateway alone.
  'QUELL_BIND',
  'PORT',
  'NODE_OPTIONS',
];

/** The environment of a service behind the gateway. */
export function backendEnv(
  env: NodeJS.ProcessEnv,
  backend: Backend,
  database: ProvisionedDatabase,
  brokers: string,
  adminKey: string,
): Record<string, string> {
  return {
    ...passedOn(env),
    PORT: '0',
    DATABASE_URL: database.urlFor(backend.role),
    QUELL_MIGRATION_DATABASE_URL: database.urlFor('migration'),
    KAFKA_BROKERS: brokers,
    ...(backend.keepsKeys ? { QUELL_ADMIN_KEY: adminKey } : {}),
  };
}

/** The environment of the gateway, with a `QUELL_<NAME>_URL` for each service. */
export function gatewayEnv(
  env: NodeJS.ProcessEnv,
  settings: Settings,
  backends: readonly RunningService[],
): Record<string, string> {
  return {
    ...passedOn(env),
    QUELL_PORT: String(settings.port),
    QUELL_HOST: settings.host,
    ...Object.fromEntries(
      backends.map(({ name, url }) => [`QUELL_${name.toUpperCase().replaceAll('-', '_')}_URL`, url]),
    ),
  };
}

function passedOn(env: NodeJS.ProcessEnv): Record<string, string> {
  const given = Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return Object.fromEntries(given.filter(([name]) => !notPassedOn.includes(name)));
}
