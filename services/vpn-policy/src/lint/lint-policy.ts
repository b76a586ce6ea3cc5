import { assertNever } from '@quell/contracts/vocabulary';
import type { VpnAnyLintAnswer } from '@quell/contracts/vpn-any-lint';
import { appleReadings } from '@quell/contracts/vpn-apple';
import { ciscoReadings } from '@quell/contracts/vpn-cisco';
import { globalProtectReadings } from '@quell/contracts/vpn-globalprotect';
import type { VpnLintRequest } from '@quell/contracts/vpn-policy-body';
import { lintApple } from './lint-apple.ts';
import { lintCisco } from './lint-cisco.ts';
import { lintGlobalProtect } from './lint-globalprotect.ts';

/** What is wrong, dead or surprising about a policy, in the terms of its dialect. */
export function lintPolicy({ dialect, payload, profile, settings, readings }: VpnLintRequest): VpnAnyLintAnswer {
  switch (dialect) {
    case 'apple-mdm':
    case 'apple-ne':
    case 'apple-legacy':
      return lintApple(payload, dialect, appleReadings.partial().optional().parse(readings));
    case 'cisco-anyconnect':
      return lintCisco(profile, ciscoReadings.partial().optional().parse(readings));
    case 'globalprotect':
      return lintGlobalProtect(settings, globalProtectReadings.partial().optional().parse(readings));
    default:
      return assertNever(dialect);
  }
}
