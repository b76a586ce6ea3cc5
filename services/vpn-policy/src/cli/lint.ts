import { appleReadings } from '@quell/contracts/vpn-apple';
import { ciscoReadings } from '@quell/contracts/vpn-cisco';
import { globalProtectReadings } from '@quell/contracts/vpn-globalprotect';
import type { VpnFinding } from '@quell/contracts/vpn-lint';
import type { CiscoFinding } from '@quell/contracts/vpn-lint-cisco';
import type { GlobalProtectFinding } from '@quell/contracts/vpn-lint-globalprotect';
import type { VpnDialect } from '@quell/contracts/vpn-policy-body';
import { lintApple } from '../lint/lint-apple.ts';
import { lintCisco } from '../lint/lint-cisco.ts';
import { lintGlobalProtect } from '../lint/lint-globalprotect.ts';
import { type Printed, parsed, readJson } from './finish.ts';
import { statedPolicy } from './read-policy.ts';

/** A finding of any dialect. */
export type AnyFinding = VpnFinding | CiscoFinding | GlobalProtectFinding;

/** `quell vpn lint`. */
export function lintCommand(file: string | undefined, options: { dialect?: string; json?: true }): Printed {
  const { policy, dialect, readings = {} } = statedPolicy(readJson(file), options.dialect);
  const answer = lint(policy, dialect, readings);
  const findings: readonly AnyFinding[] = answer.findings;
  const { undecided } = answer;
  const bad = findings.some(({ severity }) => severity !== 'info');
  // What is undecided may be wrong: a pipeline that takes 0 for good is not to pass it.
  const exitCode = bad ? 1 : undecided.length > 0 ? 3 : 0;
  const lines = [
    ...findings.map((finding) => line(finding)),
    ...undecided.map((one) => `undecided  ${one.place || '/'}  ${one.rule}: ${one.why}`),
    ...(findings.length + undecided.length === 0 ? ['nothing found'] : []),
  ];
  return { text: options.json ? JSON.stringify(answer, null, 2) : lines.join('\n'), exitCode };
}

function lint(policy: unknown, dialect: VpnDialect, readings: unknown) {
  switch (dialect) {
    case 'cisco-anyconnect':
      return lintCisco(policy, parsed(ciscoReadings.partial(), readings, 'the readings'));
    case 'globalprotect':
      return lintGlobalProtect(policy, parsed(globalProtectReadings.partial(), readings, 'the readings'));
    default:
      return lintApple(policy, dialect, parsed(appleReadings.partial(), readings, 'the readings'));
  }
}

/** A finding on two or three lines. @param where in place of its JSON pointer, such as a line of a file */
export function line({ severity, place, rule, why, fix, witness }: AnyFinding, where = place || '/'): string {
  const shown = witness === null ? '' : `\n    seen in ${JSON.stringify(witness.context)}`;
  return `${severity}  ${where}  ${rule}: ${why}\n    fix: ${fix.text}${shown}`;
}
