import { assertNever } from '@quell/contracts/vocabulary';
import type { VpnAnyLintAnswer } from '@quell/contracts/vpn-any-lint';
import type { VpnLintRequest } from '@quell/contracts/vpn-policy-body';
import { lintApple } from './lint-apple.ts';
import { lintCisco } from './lint-cisco.ts';
import { lintGlobalProtect } from './lint-globalprotect.ts';

/** What is wrong, dead or surprising about a policy, in the terms of its dialect. */
export function lintPolicy({ dialect, payload, profile, settings }: VpnLintRequest): VpnAnyLintAnswer {
  switch (dialect) {
    case 'apple-mdm':
    case 'apple-ne':
    case 'apple-legacy':
      return lintApple(payload, dialect);
    case 'cisco-anyconnect':
      return lintCisco(profile);
    case 'globalprotect':
      return lintGlobalProtect(settings);
    default:
      return assertNever(dialect);
  }
}
