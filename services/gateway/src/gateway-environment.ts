import { ConfigError, flag, isLoopback, portNumber, processEnvironment, readConfig } from '@quell/service-kit/config';
import { z } from 'zod';

/** The base URLs of the replicas of a service, separated by commas. */
const serviceUrls = z
  .string()
  .transform((text) => text.split(',').map((url) => url.trim()))
  .pipe(z.array(z.url({ protocol: /^https?$/ })).min(1));

export const gatewayEnvironment = processEnvironment.extend({
  QUELL_PORT: portNumber.default(8080),
  QUELL_HOST: z.string().default('127.0.0.1'),
  /** Files with the certificate chain and its private key, in PEM; both or neither. */
  QUELL_TLS_CERT: z.string().optional(),
  QUELL_TLS_KEY: z.string().optional(),
  /** Allows a host other than loopback without TLS: something in front of us has it. */
  QUELL_INSECURE: flag,
  /** How long requests that are being forwarded may still take once the gateway stops; then they are answered 503. */
  QUELL_DRAIN_SECONDS: z.coerce.number().min(0).max(600).default(3),
  QUELL_INGEST_URL: serviceUrls,
  QUELL_MITIGATION_URL: serviceUrls,
  QUELL_DEVICE_REGISTRY_URL: serviceUrls.optional(),
  QUELL_VPN_POLICY_URL: serviceUrls.optional(),
});
export type GatewayConfig = z.infer<typeof gatewayEnvironment>;

/**
 * Reads the gateway's settings.
 *
 * @throws ConfigError also when credentials would travel in the clear: a host other than loopback without TLS
 */
export function readGatewayConfig(environment: Readonly<Record<string, string | undefined>>): GatewayConfig {
  const config = readConfig(gatewayEnvironment, environment);
  const tls = config.QUELL_TLS_CERT !== undefined;
  if (tls !== (config.QUELL_TLS_KEY !== undefined)) {
    throw new ConfigError('Bad configuration: QUELL_TLS_CERT and QUELL_TLS_KEY belong together; set both or neither');
  }
  if (!tls && !config.QUELL_INSECURE && !isLoopback(config.QUELL_HOST)) {
    throw new ConfigError(
      `Bad configuration: QUELL_HOST is ${config.QUELL_HOST}, where keys would travel in the clear. Set QUELL_TLS_CERT and ` +
        'QUELL_TLS_KEY, or QUELL_INSECURE=1 when something in front of it has TLS',
    );
  }
  return config;
}
