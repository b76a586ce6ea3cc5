import { compileApple } from '@quell/vpn-policy/dialects/apple/compiled/compile';
import { evaluateApple } from '@quell/vpn-policy/dialects/apple/evaluate';
import type { Contender, Measured, OpenContest } from '../contest.ts';
import { countCpu } from '../cpu.ts';
import { opaPolicy } from './opa.ts';
import { type BenchContext, contexts, payload } from './policy-under-test.ts';
import { rulesEngine } from './rules-engine.ts';

type Decide = (context: BenchContext) => number | Promise<number>;

/** One core, 20 rules: which of them decides. All contenders must agree on every context before any is measured. */
export const openVpn: OpenContest = async ({ servers, progress }) => {
  const given = contexts(2000);
  const prepared = compileApple(payload);
  const contenders: [string, Decide][] = [
    ['prepared policy', (context) => prepared(context).ruleIndex ?? -1],
    ['with trace and near miss', (context) => evaluateApple(payload, context).ruleIndex ?? -1],
    ['json-rules-engine', rulesEngine()],
  ];
  try {
    contenders.push(['OPA compiled to wasm', await opaPolicy(servers.dir, progress)]);
  } catch (error) {
    progress(`without OPA: ${(error as Error).message}`);
  }
  for (const context of given) {
    const answers = await Promise.all(contenders.map(([, decide]) => decide(context)));
    if (new Set(answers).size > 1) {
      throw new Error(`the contenders do not agree: ${answers.join(', ')} for ${JSON.stringify(context)}`);
    }
  }
  const limits = { floor: 10, stretch: 50 };
  const [first, ...others] = contenders.map(
    ([name, decide]): Contender => ({
      name,
      measure: (seconds) => measure(decide, given, seconds),
    }),
  );
  const against = others.map(({ name }) => name);
  return {
    item: 'evaluation',
    contenders: [first!, ...others],
    goals: against.map((name) => ({
      figure: 'throughput' as const,
      against: name,
      better: 'high' as const,
      ...(name === 'with trace and near miss' ? {} : { limits }),
    })),
    close: async () => {},
  };
};

async function measure(decide: Decide, given: readonly BenchContext[], seconds: number): Promise<Measured> {
  for (const context of given) await decide(context);
  const used = countCpu({});
  const started = performance.now();
  const end = started + seconds * 1000;
  let items = 0;
  while (performance.now() < end) {
    for (const context of given) {
      const answer = decide(context);
      // Awaiting what is no promise would be most of the work of the fast ones.
      if (typeof answer !== 'number') await answer;
    }
    items += given.length;
  }
  return { items, seconds: (performance.now() - started) / 1000, cpu: used() };
}
