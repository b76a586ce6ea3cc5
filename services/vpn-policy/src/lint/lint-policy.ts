import { assertNever } from '@quell/contracts/vocabulary';
import type { VpnLintAnswer } from '@quell/contracts/vpn-lint';
import type { VpnLintRequest } from '@quell/contracts/vpn-policy-body';
import { lintApple } from './lint-apple.ts';

/** What is wrong, dead or surprising about a policy; `undefined` for a dialect that has no lint. */
export function lintPolicy({ dialect, payload }: VpnLintRequest): VpnLintAnswer | undefined {
  switch (dialect) {
    case 'apple-mdm':
    case 'apple-ne':
    case 'apple-legacy':
      return lintApple(payload, dialect);
    case 'cisco-anyconnect':
    case 'globalprotect':
      return undefined;
    default:
      return assertNever(dialect);
  }
}
