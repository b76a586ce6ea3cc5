import { type DestinationStream, type Logger, pino } from 'pino';

export type Log = Logger;

/** Injection token of the service's {@link Log}. */
export const LOG = Symbol('log');

// Members that may carry a credential wherever somebody logs an object with them, one level down included.
const secretMembers = [
  'authorization',
  'cookie',
  'password',
  'secret',
  'token',
  'apiKey',
  'adminKey',
  'enrolmentToken',
  'privateKey',
  'connectionString',
  'DATABASE_URL',
  'QUELL_MIGRATION_DATABASE_URL',
  'QUELL_ADMIN_KEY',
];

/**
 * One JSON object a line, to stdout unless `destination` says otherwise. Written synchronously: the last line before
 * a crash is the one that matters.
 */
export function createLog(service: string, level: string, destination?: DestinationStream): Log {
  return pino(
    {
      level,
      base: { service, pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: secretMembers.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]), censor: '[redacted]' },
    },
    destination ?? pino.destination({ dest: 1, sync: true }),
  );
}
