import { appleDialect, applePayload } from '@quell/contracts/vpn-apple';
import { diffApple } from '../diff/diff-apple.ts';
import { dictionaryOf } from '../lint/placement.ts';
import { type Printed, parsed, readJson, UsageError } from './finish.ts';
import { policyIn } from './lint.ts';

/** `quell vpn diff`: two policies, or one under two dialects. */
export function diffCommand(
  left: string,
  right: string | undefined,
  options: { dialect: string; against?: string; json?: true },
): Printed {
  if (right === undefined && options.against === undefined)
    throw new UsageError('a second file, or --against <dialect>');
  const read = (file: string) => parsed(applePayload, dictionaryOf(policyIn(readJson(file))).dictionary, file);
  const dialect = parsed(appleDialect, options.dialect, 'the dialect');
  const against = parsed(appleDialect, options.against ?? dialect, 'the other dialect');
  const payload = read(left);
  const answer = diffApple(
    { payload, dialect },
    { payload: right === undefined ? payload : read(right), dialect: against },
  );
  const exitCode = { equal: 0, different: 1, undecided: 3 }[answer.result];
  if (options.json) return { text: JSON.stringify(answer, null, 2), exitCode };
  if (answer.result === 'equal') return { text: `equal in all ${answer.classes} classes of contexts`, exitCode };
  if (answer.result === 'undecided')
    return { text: `undecided: more than ${answer.limit} classes of contexts`, exitCode };
  const lines = answer.differences.map(
    (one) =>
      `${one.left.decision} (${one.left.reason}, rule ${one.left.ruleIndex}) against ${one.right.decision} (${one.right.reason}, rule ${one.right.ruleIndex})` +
      `\n    ${one.classes} classes, such as ${JSON.stringify(one.witness)}`,
  );
  return { text: lines.join('\n'), exitCode };
}
