import { appleDialect } from '@quell/contracts/vpn-apple';
import type { VpnFinding } from '@quell/contracts/vpn-lint';
import { lintApple } from '../lint/lint-apple.ts';
import { type Printed, parsed, readJson } from './finish.ts';

/** `quell vpn lint`. */
export function lintCommand(file: string | undefined, options: { dialect: string; json?: true }): Printed {
  const answer = lintApple(policyIn(readJson(file)), parsed(appleDialect, options.dialect, 'the dialect'));
  const { findings, undecided } = answer;
  const bad = findings.some(({ severity }) => severity !== 'info');
  const lines = [
    ...findings.map(line),
    ...undecided.map((one) => `undecided  ${one.place || '/'}  ${one.rule}: ${one.why}`),
    ...(findings.length + undecided.length === 0 ? ['nothing found'] : []),
  ];
  return { text: options.json ? JSON.stringify(answer, null, 2) : lines.join('\n'), exitCode: bad ? 1 : 0 };
}

/** A policy as it is, or the one in a request of POST /v1/vpn/evaluate. */
export function policyIn(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if ('payload' in value) return value.payload;
  return 'profile' in value ? value.profile : value;
}

function line({ severity, place, rule, why, fix, witness }: VpnFinding): string {
  const shown = witness === null ? '' : `\n    seen in ${JSON.stringify(witness.context)}`;
  return `${severity}  ${place || '/'}  ${rule}: ${why}\n    fix: ${fix.text}${shown}`;
}
