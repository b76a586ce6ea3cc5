import type { CpuUse } from './cpu.ts';
import type { Servers } from './servers.ts';

/** One repetition of one contender. */
export interface Measured {
  readonly items: number;
  readonly seconds: number;
  readonly cpu: CpuUse;
  /** Of each item, where it was taken. */
  readonly latenciesMs?: readonly number[];
}

/** Does the work of a row in one way. */
export interface Contender {
  readonly name: string;
  /** Works for about `seconds`, warmed up by then. Throws when the work was not done right: a figure of it would mean nothing. */
  measure(seconds: number): Promise<Measured>;
}

/** A ratio or figure to print, with the goal that performance.md sets for it, if it does. */
export interface Goal {
  /** Throughput and CPU per item against a reference; `p99` of our latencies in milliseconds, or how many times lower than the reference's. */
  readonly figure: 'throughput' | 'cpu' | 'p99';
  /** A contender's name; may be absent for `p99`. */
  readonly against?: string;
  readonly better: 'high' | 'low';
  readonly limits?: { readonly floor: number; readonly stretch: number };
}

/** A single figure that a row comes by on its way, such as the time of a build. */
export interface Fact {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly limits?: { readonly floor: number; readonly stretch: number };
}

/** A row that is set up: the first contender is ours, the others are what it is measured against. */
export interface Contest {
  /** What is counted: `event`, `detection`. */
  readonly item: string;
  readonly contenders: readonly [Contender, ...Contender[]];
  readonly goals: readonly Goal[];
  /** Printed below the goals; less is better wherever there are limits. Asked after the last round. */
  facts?(): Promise<readonly Fact[]>;
  close(): Promise<void>;
}

export interface RowSettings {
  /** Of one repetition. */
  readonly seconds: number;
  /** Tasks stored before the row `consumer-stored`. */
  readonly stored: number;
  /** Devices of the rows `devices-…`. */
  readonly devices: number;
}

/** What a row has at hand. */
export interface BenchContext {
  readonly servers: Servers;
  readonly settings: RowSettings;
  progress(text: string): void;
}

export type OpenContest = (context: BenchContext) => Promise<Contest>;

/** All repetitions of one contender, the n-th of each in the same round. */
export interface Outcome {
  readonly name: string;
  readonly rounds: readonly Measured[];
}

/** Runs the contenders in turn (A B A B …), so that whatever else the machine does meets all of them. */
export async function runContest(
  contest: Contest,
  { rounds, seconds, progress }: { rounds: number; seconds: number; progress: (text: string) => void },
): Promise<Outcome[]> {
  const outcomes = contest.contenders.map(({ name }) => ({ name, rounds: [] as Measured[] }));
  for (let round = 0; round < rounds; round++) {
    for (const [index, contender] of contest.contenders.entries()) {
      progress(`round ${round + 1} of ${rounds}: ${contender.name}`);
      outcomes[index]!.rounds.push(await contender.measure(seconds));
    }
  }
  return outcomes;
}
