import type { VpnAnyDiffAnswer } from '@quell/contracts/vpn-diff';
import type { VpnPolicyBody } from '@quell/contracts/vpn-policy-body';
import type { VpnPolicyContent } from '@quell/contracts/vpn-policy-events';
import { diffPolicies } from '../diff/diff-policies.ts';
import { withPostures } from '../diff/posture-difference.ts';
import { type Printed, readJson, UsageError } from './finish.ts';
import { contentOf } from './read-policy.ts';

type Options = { dialect?: string; against?: string; json?: true };

/** `quell vpn diff`: two policies, or an Apple policy under two dialects. */
export function diffCommand(left: string, right: string | undefined, options: Options): Printed {
  if (right === undefined && options.against === undefined) {
    throw new UsageError('a second file, or --against <dialect>');
  }
  const [one, other] = read(left, right ?? left, options);
  const answer = withPostures(compare(one.body, other.body), one, other);
  const remarks = 'posture' in answer ? ['their posture settings are not the same'] : [];
  const exitCode = { equal: 0, 'different-posture': 1, different: 1, undecided: 3 }[answer.result];
  if (options.json) return { text: JSON.stringify(answer, null, 2), exitCode, remarks };
  switch (answer.result) {
    case 'equal':
    case 'different-posture':
      return { text: `equal in all ${answer.classes} classes of contexts`, exitCode, remarks };
    case 'undecided':
      return { text: `undecided: more than ${answer.limit} classes of contexts`, exitCode, remarks };
    default: {
      const lines = answer.differences.map(
        ({ left: one, right: other, classes, witness }) =>
          `${said(one)} against ${said(other)}\n    ${classes} classes, such as ${JSON.stringify(witness)}`,
      );
      return { text: lines.join('\n'), exitCode, remarks };
    }
  }
}

function read(left: string, right: string, { dialect, against }: Options): [VpnPolicyContent, VpnPolicyContent] {
  const json = readJson(left);
  // Stdin can be read once.
  const other = right === left ? json : readJson(right);
  return [contentOf(json, dialect, left), contentOf(other, against ?? dialect, right)];
}

function compare(left: VpnPolicyBody, right: VpnPolicyBody): VpnAnyDiffAnswer {
  const answer = diffPolicies(left, right);
  if (answer !== undefined) return answer;
  throw new UsageError(`a policy of ${left.dialect} cannot be compared with one of ${right.dialect}`);
}

function said(outcome: { decision: string; reason: string } | { action: string; reason?: string | undefined }): string {
  const { reason, ...rest } = outcome;
  const details = Object.entries(rest).flatMap(([key, value]) =>
    value === null || key === 'decision' || key === 'action' ? [] : [`${key} ${value}`],
  );
  const what = 'action' in outcome ? outcome.action : outcome.decision;
  return [what, ...(reason === undefined ? [] : [`(${reason})`]), ...details].join(' ');
}
