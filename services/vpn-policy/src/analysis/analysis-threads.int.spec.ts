import type { VpnPolicyBody } from '@quell/contracts/vpn-policy-body';
import { diffPolicies } from '../diff/diff-policies.ts';
import { lintPolicy } from '../lint/lint-policy.ts';
import { AnalysisThreads, TooMuch } from './analysis-threads.ts';

const policy = (...OnDemandRules: object[]) =>
  ({ dialect: 'apple-mdm', payload: { OnDemandEnabled: 1, OnDemandRules } }) as VpnPolicyBody;
const small = policy({ Action: 'Connect' }, { Action: 'Ignore' });

/** Seconds of work: more classes of networks than are looked at, each for many rules. */
const large = policy(
  ...Array.from({ length: 2000 }, (_, index) => ({
    Action: 'Connect',
    SSIDMatch: Array.from({ length: 50 }, (_, name) => `network ${index} ${name}`),
    DNSDomainMatch: [`d${index % 7}.example.com`],
    DNSServerAddressMatch: [`10.0.${index % 250}.*`],
  })),
  { Action: 'Ignore' },
);

const open: AnalysisThreads[] = [];
const threadsWith = (settings: { threads?: number; seconds?: number; waiting?: number }) => {
  const threads = new AnalysisThreads({ threads: 1, seconds: 60, waiting: 10, ...settings });
  open.push(threads);
  return threads;
};
afterEach(() => Promise.all(open.splice(0).map((threads) => threads.close())));

test('a thread says what the function says', async () => {
  const threads = threadsWith({ threads: 2 });
  const [lint, diff] = await Promise.all([
    threads.run('lint', small),
    threads.run('diff', small, policy({ Action: 'Connect' })),
  ]);
  expect(lint).toEqual(lintPolicy(small));
  expect(diff).toEqual(diffPolicies(small, policy({ Action: 'Connect' })));
});

test('what takes too long is given up, and the next one has its turn in a new thread', async () => {
  const threads = threadsWith({ seconds: 3 });
  const late = threads.run('lint', large);
  const next = threads.run('lint', small);
  await expect(late).rejects.toThrow(TooMuch);
  expect((await next).findings.length).toBeGreaterThan(0);
});

test('a failure of the function is one of its caller alone', async () => {
  const threads = threadsWith({});
  await expect(threads.run('lint', null as never)).rejects.toThrow('Cannot destructure');
  expect((await threads.run('lint', small)).findings.length).toBeGreaterThan(0);
});

test('so many wait and no more; a stop refuses those that wait and those that are being looked at', async () => {
  const threads = threadsWith({ waiting: 1 });
  const [first, second] = [threads.run('lint', large), threads.run('lint', small)];
  await expect(threads.run('lint', small)).rejects.toThrow('Too many policies wait');
  const refusals = Promise.all([first, second].map((one) => expect(one).rejects.toThrow('stopping')));
  await threads.close();
  await refusals;
});

test('what cannot be handed to a thread fails its caller alone, at once or when its turn comes', async () => {
  const threads = threadsWith({});
  let nested: object[] = [];
  for (let level = 0; level < 100_000; level++) nested = [nested];
  const deep = policy({ Action: 'Connect', Unknown: nested });
  const all = await Promise.allSettled([deep, small, deep, small].map((one) => threads.run('lint', one)));
  expect(all.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'rejected', 'fulfilled']);
});
