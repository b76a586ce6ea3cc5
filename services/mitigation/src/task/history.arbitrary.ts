import type { Capability } from '@quell/contracts/agent-protocol';
import { type RunOutcome, runOutcome, type ThreatOutcome } from '@quell/contracts/run-result';
import { type ExpiryCause, expiryCause, lossReason } from '@quell/contracts/task-events';
import { taskInitiator, taskKind } from '@quell/contracts/vocabulary';
import fc from 'fast-check';
import type { LostReason } from './deliveries.ts';
import { columns, everything, exception, openedAs, target, whatItIs } from './steps.fixture.ts';

/** What an agent's result shall look like; the run at hand decides the rest, so that most results fit the contract. */
export interface ResultPlan {
  readonly outcome: RunOutcome | 'natural';
  /** Outcomes of the targets and of further threats, in turn. */
  readonly threats: readonly ThreatOutcome[];
  readonly extras: number;
  readonly backups: boolean;
  /** Whether each item of a rollback was restored, in turn. */
  readonly restored: readonly boolean[];
  /** Whether outcomes are changed to such as the kind and mode allow. */
  readonly fitting: boolean;
}

/** One thing that may happen to a task, legal in its state or not. */
export type Move =
  | {
      readonly do: 'hand-out';
      readonly agent: 0 | 1;
      readonly capabilities: readonly Capability[];
      readonly excepted: boolean;
    }
  | { readonly do: 'say'; readonly said: 'accepted' | 'busy' | 'started' | 'progress'; readonly from: Sender }
  | { readonly do: 'result'; readonly plan: ResultPlan; readonly from: Sender }
  /** One of the moves that fit the state of the task. */
  | { readonly do: 'go-on'; readonly choice: number; readonly plan: ResultPlan }
  | { readonly do: 'send-again'; readonly which: number }
  | { readonly do: 'lose'; readonly reason: LostReason }
  | { readonly do: 'crash'; readonly boot: number }
  | { readonly do: 'replace-agent' }
  | { readonly do: 'expire'; readonly cause: ExpiryCause }
  | { readonly do: 'restore-there'; readonly item: number }
  | { readonly do: PlainName };

const plainNames = [
  'run-cleanup',
  'retry',
  'rollback',
  'cancel',
  'acknowledge',
  'detect-again',
  'detect-update',
] as const;
export type PlainName = (typeof plainNames)[number];

/** Who sends a report: mostly the holder of the latest attempt. */
export interface Sender {
  readonly attemptBack: number;
  readonly isOther: boolean;
}

/** The agent that holds the latest attempt, speaking of it. */
export const holder: Sender = { attemptBack: 0, isOther: false };

const one = <T>(...options: readonly T[]) => fc.constantFrom(...options);
const often = <T>(weight: number, arbitrary: fc.Arbitrary<T>) => ({ weight, arbitrary });
const mostly = <T>(usual: T, ...rest: fc.Arbitrary<T>[]) =>
  fc.oneof(often(9, fc.constant(usual)), ...rest.map((arbitrary) => often(1, arbitrary)));

const sender: fc.Arbitrary<Sender> = fc.record({
  attemptBack: mostly(0, fc.integer({ min: -1, max: 3 })),
  isOther: mostly(false, fc.constant(true)),
});
const threatOutcomes = fc.array(
  one<ThreatOutcome>(
    ...(['resolved', 'resolved', 'resolved', 'handled-by-security-software', 'gone', 'confirmed-safe'] as const),
    ...(['failed', 'failed', 'found', 'left-by-user', 'left-by-user'] as const),
  ),
  { minLength: 1, maxLength: 4 },
);
const faults = [
  'platform-not-supported',
  'component-restart-required',
  'component-error',
  'configuration-corrupted',
  'pattern-not-found',
  'scan-query-unsendable',
] as const satisfies RunOutcome[];
export const anyPlan: fc.Arbitrary<ResultPlan> = fc.record({
  outcome: fc.oneof(
    often(20, fc.constant('natural' as const)),
    often(2, fc.constant('stopped' as const)),
    often(6, one(...faults)),
    often(1, one(...runOutcome.options)),
  ),
  threats: threatOutcomes,
  extras: fc.nat(3),
  backups: fc.boolean(),
  restored: fc.array(mostly(true, fc.constant(false)), { minLength: 1, maxLength: 2 }),
  fitting: mostly(true, fc.constant(false)),
});

const handOut: fc.Arbitrary<Move> = fc.record({
  do: fc.constant('hand-out' as const),
  agent: mostly<0 | 1>(0, fc.constant(1)),
  capabilities: mostly(everything, fc.subarray([...everything])),
  excepted: mostly(false, fc.constant(true)),
});
const say = (...said: Extract<Move, { do: 'say' }>['said'][]): fc.Arbitrary<Move> =>
  fc.record({ do: fc.constant('say' as const), said: one(...said), from: sender });
const result: fc.Arbitrary<Move> = fc.record({ do: fc.constant('result' as const), plan: anyPlan, from: sender });
const command = one<Move>(...plainNames.map((name) => ({ do: name })));
const mishap: fc.Arbitrary<Move> = fc.oneof(
  fc.record({ do: fc.constant('lose' as const), reason: one(...lossReason.exclude(['agent-replaced']).options) }),
  fc.record({ do: fc.constant('crash' as const), boot: fc.nat(3) }),
  fc.record({ do: fc.constant('expire' as const), cause: one(...expiryCause.options) }),
  fc.constant<Move>({ do: 'replace-agent' }),
);
const single = fc.oneof(
  often(4, handOut),
  often(4, say('accepted', 'accepted', 'busy', 'started', 'progress')),
  often(4, result),
  often(3, fc.record({ do: fc.constant('send-again' as const), which: fc.nat(20) })),
  often(5, mishap),
  often(6, command),
  often(1, fc.record({ do: fc.constant('restore-there' as const), item: fc.nat(3) })),
);

const goOn: fc.Arbitrary<Move> = fc.record({ do: fc.constant('go-on' as const), choice: fc.nat(999), plan: anyPlan });

/** Moves in any order: most fit the state they meet, so that histories get far; the others are whatever may happen at any time. */
export const anyMoves: fc.Arbitrary<Move[]> = fc.array(fc.oneof(often(3, goOn), often(1, single)), {
  maxLength: 30,
  size: 'max',
});

/** The opening of any task. */
export const anyOpening = fc
  .record({
    what: fc.oneof(
      one(...columns).map((column) => whatItIs[column]),
      fc.record({ kind: one(...taskKind.options), initiator: one(...taskInitiator.options) }),
    ),
    assessFirst: fc.boolean(),
    targets: fc.nat(2),
    excepted: mostly(false, fc.constant(true)),
  })
  .map(({ what, assessFirst, targets, excepted }) =>
    openedAs(what, {
      assessFirst,
      targets: ['scan', 'installation'].some((word) => what.kind.includes(word))
        ? []
        : Array.from({ length: targets }, (_, index) => target(`t${index}`)),
      ...(excepted ? { exception } : {}),
    }),
  );
