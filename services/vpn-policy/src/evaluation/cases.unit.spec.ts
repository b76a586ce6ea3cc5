import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { vpnEvaluateAnswer, vpnEvaluateRequest } from '@quell/contracts/vpn-evaluate';
import { evaluate } from './evaluate.ts';

type Case = { id: string; title: string; expect: object; dialect?: string };
const file = new URL('../../test/fixtures/cases.json', import.meta.url);
const groups: Record<string, Case[]> = JSON.parse(readFileSync(file, 'utf8'));

for (const [group, cases] of Object.entries(groups)) {
  describe(`the cases of ${group}`, () => {
    test.each(cases.map((one) => [one.id, one.title, one] as const))('%s: %s', (_id, _title, one) => {
      const { id: _, title: __, expect: expected, ...rest } = one;
      const request = vpnEvaluateRequest.parse(group === 'apple' ? rest : { dialect: group, ...rest });
      const answer = evaluate(request);
      expect(answer).toMatchObject(expected);
      expect(vpnEvaluateAnswer.parse(answer)).toEqual(answer);
    });
  });
}

test('the copy holds as many cases as the specification', () => {
  expect(Object.entries(groups).map(([group, cases]) => [group, cases.length])).toEqual([
    ['apple', 50],
    ['cisco-anyconnect', 6],
    ['globalprotect', 9],
  ]);
});
