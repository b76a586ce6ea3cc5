import { appleContext } from '@quell/contracts/vpn-apple';
import { ciscoContext } from '@quell/contracts/vpn-cisco';
import { globalProtectContext } from '@quell/contracts/vpn-globalprotect';
import type { VpnDialect } from '@quell/contracts/vpn-policy-body';
import { withoutCredentials } from './without-credentials.ts';

/**
 * What of a context may be kept and shown: the keys that decisions look at, whatever else was sent along, and no credential of a URL.
 * Of one that does not fit its dialect nothing.
 */
export function contextToKeep(dialect: VpnDialect, context: unknown): Record<string, unknown> {
  switch (dialect) {
    case 'cisco-anyconnect':
      return ciscoContext.safeParse(context).data ?? {};
    case 'globalprotect':
      return globalProtectContext.safeParse(context).data ?? {};
    default: {
      const read = appleContext.safeParse(context).data ?? {};
      if (read.probes === undefined) return read;
      const scrubbed = Object.entries(read.probes).map(([url, { error, ...answer }]) => [
        withoutCredentials(url),
        error === undefined ? answer : { ...answer, error: withoutCredentials(error) },
      ]);
      return { ...read, probes: Object.fromEntries(scrubbed) };
    }
  }
}
