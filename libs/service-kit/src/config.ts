import { isIP } from 'node:net';
import { z } from 'zod';

/** The exit code for a setting that cannot be used: EX_CONFIG of sysexits.h, so that a supervisor does not retry at once. */
export const CONFIG_EXIT_CODE = 78;

/** Thrown by {@link readConfig}; its message names every variable that is wrong, and never a value, which may be a secret. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

export const portNumber = z.coerce.number().int().min(0).max(65535);

/** A switch: `1`, `true`, `yes` are on; `0`, `false`, `no` and absence are off. */
export const flag = z
  .enum(['1', 'true', 'yes', '0', 'false', 'no'])
  .default('0')
  .transform((text) => ['1', 'true', 'yes'].includes(text));

/** `host:port[,host:port…]` as a list. */
export const brokerList = z
  .string()
  .transform((text) => text.split(',').map((broker) => broker.trim()))
  .pipe(z.array(z.string().regex(/^[^\s:]+:\d+$/, 'must be host:port[,host:port…]')).min(1));

/** What every process of Quell reads from its environment. */
export const processEnvironment = z.object({
  /** 0 takes any free port; the `listening` log line tells which. */
  PORT: portNumber.default(0),
  /** The address a service listens on. One that others can reach needs QUELL_INSECURE: services leave TLS to what is before them. */
  QUELL_BIND: z.string().default('127.0.0.1'),
  QUELL_INSECURE: flag,
  /** Addresses and networks whose `x-forwarded-for` is believed, separated by commas: those of the gateways. */
  QUELL_TRUSTED_PROXIES: z.string().default('loopback'),
  QUELL_LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
  /** Set by a launcher that holds our stdin: its end means that the launcher is gone, so we stop. */
  QUELL_PARENT_PIPE: flag,
  /** How long an orderly stop may take before the process gives up waiting, in seconds. */
  QUELL_SHUTDOWN_SECONDS: z.coerce.number().positive().max(600).default(20),
  /** Accepts JWTs of this OpenID provider beside API keys: the issuer's URL, and the audience that its tokens name. */
  QUELL_OIDC_ISSUER: z.url({ protocol: /^https?$/ }).optional(),
  QUELL_OIDC_AUDIENCE: z.string().optional(),
});

/** What a service with a database and a broker reads besides. */
export const serviceEnvironment = processEnvironment.extend({
  /** The service's own role. */
  DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/ }),
  /** The role that owns the schemas. Absent: `DATABASE_URL` does both. */
  QUELL_MIGRATION_DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/ }).optional(),
  KAFKA_BROKERS: brokerList,
});

/** Whether only this machine can reach an address. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

/** @throws ConfigError when a service would take credentials in the clear from other machines without being told so */
export function requireSafeBind(config: { readonly QUELL_BIND: string; readonly QUELL_INSECURE: boolean }): void {
  if (config.QUELL_INSECURE || isLoopback(config.QUELL_BIND)) return;
  throw new ConfigError(
    `Bad configuration: QUELL_BIND is ${config.QUELL_BIND}, where keys would travel in the clear. Set QUELL_INSECURE=1 when the ` +
      'network between the gateway and this service is private or has TLS of its own',
  );
}

/** The settings of the OpenID provider, if there is one. @throws ConfigError when only one of the two is set */
export function oidcSettings(config: {
  readonly QUELL_OIDC_ISSUER?: string | undefined;
  readonly QUELL_OIDC_AUDIENCE?: string | undefined;
}): { issuer: string; audience: string } | undefined {
  const { QUELL_OIDC_ISSUER: issuer, QUELL_OIDC_AUDIENCE: audience } = config;
  if (issuer === undefined && audience === undefined) return undefined;
  if (issuer !== undefined && audience !== undefined) return { issuer, audience };
  throw new ConfigError(
    'Bad configuration: QUELL_OIDC_ISSUER and QUELL_OIDC_AUDIENCE belong together; set both or neither',
  );
}

/**
 * Reads `environment` by a zod object schema. An empty variable counts as absent.
 *
 * @throws ConfigError naming every variable that is missing or wrong
 */
export function readConfig<Schema extends z.ZodObject>(
  schema: Schema,
  environment: Readonly<Record<string, string | undefined>>,
): z.infer<Schema> {
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
  const result = schema.safeParse(given);
  if (result.success) return result.data;
  const lines = result.error.issues.map((issue) => {
    const variable = String(issue.path[0]);
    return given[variable] === undefined ? `${variable} is not set` : `${variable}: ${issue.message}`;
  });
  throw new ConfigError(`Bad configuration: ${[...new Set(lines)].join('; ')}`);
}
