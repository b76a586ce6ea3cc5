import type { VpnPolicyContent } from '@quell/contracts/vpn-policy-events';
import { vpnPolicyContent } from '@quell/contracts/vpn-policy-events';
import { vpnWhatIfAnswer } from '@quell/contracts/vpn-what-if';
import fc from 'fast-check';
import { decideByContent } from '../evaluation/decide-by-content.ts';
import { anyAppleContext, anyAppleDialect, anyApplePayload } from '../evaluation/requests.arbitrary.ts';
import { prepare } from './prepare.ts';
import { simulateLines } from './simulate.ts';
import { Tally } from './tally.ts';

const anyContent: fc.Arbitrary<VpnPolicyContent> = fc
  .record({ payload: anyApplePayload, dialect: anyAppleDialect })
  .map(({ payload, dialect }) => ({ body: { dialect, payload: { ...payload, OnDemandEnabled: 1 } } }));
const linesOf = (contexts: readonly unknown[]) =>
  contexts.map((context, index) => ({ line: index + 1, text: JSON.stringify(context) }));

test('law: what is prepared for many contexts decides as the one that explains', () => {
  fc.assert(
    fc.property(anyContent, anyAppleContext, (content, context) => {
      const answer = decideByContent(content, context);
      if ('errors' in answer || 'action' in answer) throw new Error('an Apple context');
      expect(prepare(content)(context)).toEqual({ decision: answer.decision, reason: answer.reason });
    }),
  );
});

test('law: the counts are those of a naive loop, and however the lines are cut they add up to the same', () => {
  fc.assert(
    fc.property(
      anyContent,
      anyContent,
      fc.array(anyAppleContext, { maxLength: 20 }),
      fc.nat(20),
      (candidate, against, contexts, cut) => {
        const sides = [prepare(candidate), prepare(against)] as const;
        const whole = new Tally();
        simulateLines(whole, linesOf(contexts), ...sides);
        const first = new Tally();
        simulateLines(first, linesOf(contexts).slice(0, cut), ...sides);
        const second = new Tally(vpnWhatIfAnswer.parse(JSON.parse(JSON.stringify(first.answer()))));
        simulateLines(second, linesOf(contexts).slice(cut), ...sides);
        expect(second.answer()).toEqual(whole.answer());

        const decided = (content: VpnPolicyContent, context: unknown) =>
          (decideByContent(content, context) as { decision: string }).decision;
        const pairs = contexts.map((context) => `${decided(against, context)} ${decided(candidate, context)}`);
        for (const { from, to, count, examples } of whole.answer().outcomes) {
          expect(count).toBe(pairs.filter((pair) => pair === `${from} ${to}`).length);
          for (const { line, context } of examples) {
            expect(JSON.stringify(context)).toBe(JSON.stringify(contexts[line! - 1]));
            expect(from).not.toBe(to);
          }
        }
        expect(whole.answer()).toMatchObject({
          contexts: contexts.length,
          changed: pairs.filter((pair) => pair.split(' ')[0] !== pair.split(' ')[1]).length,
          failed: 0,
        });
      },
    ),
    { numRuns: 40 },
  );
});

test('an example shows what decides in its context, and no secret that stood beside it or in a URL', () => {
  const [candidate, against] = (['Connect', 'Ignore'] as const).map((Action) =>
    prepare({ body: { dialect: 'apple-mdm', payload: { OnDemandEnabled: 1, OnDemandRules: [{ Action }] } } }),
  );
  const network = { interface: 'WiFi', ssid: 'Cafe', primaryIsVirtual: false };
  const probes = { 'https://ann:hunter2@example.com/': { status: 200 } };
  const context = { network: { ...network, key: 'hunter2' }, password: 'hunter2', probes };
  const tally = new Tally();
  const lines = [JSON.stringify(context), '{"password": hunter2}'];
  const wrong = simulateLines(
    tally,
    lines.map((text, index) => ({ line: index + 1, text })),
    candidate!,
    against,
  );
  const answer = tally.answer();
  expect(answer.outcomes[0]?.examples).toMatchObject([{ line: 1, context: { network } }]);
  expect(JSON.stringify([answer, wrong])).not.toContain('hunter2');
  expect(wrong).toMatchObject([{ line: 2, detail: expect.stringMatching(/^the line is not JSON/) }]);
});

test('lines that are no context are told by number and place, and the others are decided', () => {
  const content = vpnPolicyContent.parse({
    body: { dialect: 'globalprotect', settings: { connectMethod: 'on-demand' } },
  });
  const good = '{"platform":"windows","event":"user-connect"}';
  const lines = [
    good,
    '',
    '{',
    '7',
    '{"platform":"amiga","event":"boot"}',
    `{"dialect":"globalprotect","context":${good}}`,
  ];
  const tally = new Tally();
  const wrong = simulateLines(
    tally,
    lines.map((text, index) => ({ line: index + 1, text })),
    prepare(content),
    undefined,
  );
  expect(wrong.map(({ line, pointer }) => [line, pointer])).toEqual([
    [3, undefined],
    [4, undefined],
    [5, '/platform'],
  ]);
  expect(tally.answer()).toMatchObject({
    contexts: 5,
    failed: 3,
    changed: 0,
    outcomes: [{ from: null, to: 'connect', count: 2, examples: [] }],
  });
});
