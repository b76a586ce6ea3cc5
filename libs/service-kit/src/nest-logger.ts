import type { LoggerService } from '@nestjs/common';
import type { Log } from './log.ts';

/** Nest's own messages as lines of our log; its many start-up messages only at `debug`. */
export function nestLogger(log: Log): LoggerService {
  const write =
    (level: 'debug' | 'warn' | 'error') =>
    (message: unknown, ...rest: unknown[]) => {
      const err = message instanceof Error ? message : undefined;
      log[level]({ ...(err === undefined ? {} : { err }), nest: rest.map(String) }, err?.message ?? String(message));
    };
  return {
    log: write('debug'),
    debug: write('debug'),
    verbose: write('debug'),
    warn: write('warn'),
    error: write('error'),
    fatal: write('error'),
  };
}
