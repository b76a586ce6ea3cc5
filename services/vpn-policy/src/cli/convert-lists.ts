import { appleDialect, appleDictionary } from '@quell/contracts/vpn-apple';
import { dictionaryOf } from '@quell/contracts/vpn-dictionary';
import { rulesToLists } from '../legacy-lists/to-lists.ts';
import { listsToRules } from '../legacy-lists/to-rules.ts';
import { type Printed, parsed, readJson, UsageError } from './finish.ts';
import { statedPolicy } from './read-policy.ts';

type Options = { to: string; dialect?: string; json?: true };

/** `quell vpn convert-lists`: the policy in the other form, and on stderr what it does differently. */
export function convertListsCommand(file: string | undefined, { to, dialect: asked, json }: Options): Printed {
  if (to !== 'rules' && to !== 'lists') throw new UsageError('--to rules or --to lists');
  const { policy, dialect } = statedPolicy(readJson(file), asked);
  const { dictionary } = dictionaryOf(policy);
  const payload = parsed(appleDictionary, dictionary, 'the policy');
  const answer = (to === 'rules' ? listsToRules : rulesToLists)(payload, parsed(appleDialect, dialect, 'the dialect'));
  if (answer.result === 'refused') throw new UsageError(`${answer.place}: ${answer.text}`);
  const { differences } = answer;
  const exitCode = { equal: 0, different: 1, undecided: 3 }[differences.result];
  if (json) return { text: JSON.stringify(answer, null, 2), exitCode };
  const remarks =
    differences.result === 'different'
      ? differences.differences.map(
          ({ left, right, witness }) =>
            `${left.decision} (${left.reason}) becomes ${right.decision} (${right.reason}), such as in ${JSON.stringify(witness)}`,
        )
      : differences.result === 'undecided'
        ? [`whether both do the same is undecided: more than ${differences.limit} classes of contexts`]
        : [];
  return { text: JSON.stringify(answer.payload, null, 2), remarks, exitCode };
}
