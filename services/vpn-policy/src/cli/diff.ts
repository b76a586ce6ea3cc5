import { appleDialect, applePayload } from '@quell/contracts/vpn-apple';
import { ciscoProfile } from '@quell/contracts/vpn-cisco';
import { dictionaryOf } from '@quell/contracts/vpn-dictionary';
import { globalProtectPolicy } from '@quell/contracts/vpn-globalprotect';
import { diffApple } from '../diff/diff-apple.ts';
import { diffCisco } from '../diff/diff-cisco.ts';
import { diffGlobalProtect } from '../diff/diff-globalprotect.ts';
import { type Printed, parsed, readJson, UsageError } from './finish.ts';
import { policyIn } from './lint.ts';

type Options = { dialect: string; against?: string; json?: true };

/** `quell vpn diff`: two policies, or an Apple policy under two dialects. */
export function diffCommand(left: string, right: string | undefined, options: Options): Printed {
  if (right === undefined && options.against === undefined) {
    throw new UsageError('a second file, or --against <dialect>');
  }
  const answer = compare(left, right ?? left, options);
  const exitCode = { equal: 0, different: 1, undecided: 3 }[answer.result];
  if (options.json) return { text: JSON.stringify(answer, null, 2), exitCode };
  switch (answer.result) {
    case 'equal':
      return { text: `equal in all ${answer.classes} classes of contexts`, exitCode };
    case 'undecided':
      return { text: `undecided: more than ${answer.limit} classes of contexts`, exitCode };
    default: {
      const lines = answer.differences.map(
        ({ left: one, right: other, classes, witness }) =>
          `${said(one)} against ${said(other)}\n    ${classes} classes, such as ${JSON.stringify(witness)}`,
      );
      return { text: lines.join('\n'), exitCode };
    }
  }
}

function compare(left: string, right: string, { dialect, against }: Options) {
  const one = { file: left, policy: policyIn(readJson(left)) };
  // Stdin can be read once.
  const other = right === left ? one : { file: right, policy: policyIn(readJson(right)) };
  switch (dialect) {
    case 'cisco-anyconnect':
      return diffCisco(parsed(ciscoProfile, one.policy, one.file), parsed(ciscoProfile, other.policy, other.file));
    case 'globalprotect':
      return diffGlobalProtect(
        parsed(globalProtectPolicy, one.policy, one.file),
        parsed(globalProtectPolicy, other.policy, other.file),
      );
    default: {
      const first = parsed(appleDialect, dialect, 'the dialect');
      const second = parsed(appleDialect, against ?? first, 'the other dialect');
      const read = ({ file, policy }: typeof one) => parsed(applePayload, dictionaryOf(policy).dictionary, file);
      return diffApple({ payload: read(one), dialect: first }, { payload: read(other), dialect: second });
    }
  }
}

function said(outcome: { decision: string; reason: string } | { action: string; reason?: string | undefined }): string {
  const { reason, ...rest } = outcome;
  const details = Object.entries(rest).flatMap(([key, value]) =>
    value === null || key === 'decision' || key === 'action' ? [] : [`${key} ${value}`],
  );
  const what = 'action' in outcome ? outcome.action : outcome.decision;
  return [what, ...(reason === undefined ? [] : [`(${reason})`]), ...details].join(' ');
}
