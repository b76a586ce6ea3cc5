import type { Contest, Fact, Goal, Measured, Outcome } from './contest.ts';
import { percentile, type Spread, spreadOf } from './statistics.ts';

/** What one contender came to. */
export interface ContenderFigures {
  readonly name: string;
  readonly perSecond: Spread;
  /** Microseconds per item; absent where they cannot be known. */
  readonly nodeCpu?: number;
  readonly postgresCpu?: number;
  readonly p50Ms?: number;
  readonly p99Ms?: number;
}

/** One goal and how it came out: a spread of the ratios of each round, because contenders of one round met the same machine. */
export interface GoalFigures extends Goal {
  readonly reached: Spread;
  readonly verdict: 'stretch' | 'floor' | 'missed' | 'no goal';
}

/** One row as `--json` keeps it. */
export interface RowFigures {
  readonly name: string;
  readonly title: string;
  readonly item: string;
  readonly contenders: readonly ContenderFigures[];
  readonly goals: readonly GoalFigures[];
  readonly facts: readonly (Fact & Pick<GoalFigures, 'verdict'>)[];
}

export function figuresOf(
  row: { readonly name: string; readonly title: string },
  contest: Pick<Contest, 'item' | 'goals'>,
  outcomes: readonly Outcome[],
  facts: readonly Fact[] = [],
): RowFigures {
  const goals = contest.goals.flatMap((goal) => {
    const ratios = ratiosOf(goal, outcomes);
    if (ratios.length === 0) return [];
    const reached = spreadOf(ratios);
    return [{ ...goal, reached, verdict: verdictOf(goal, reached.median) }];
  });
  const judged = facts.map((fact) => ({ ...fact, verdict: verdictOf({ ...fact, better: 'low' }, fact.value) }));
  const { name, title } = row;
  return { name, title, item: contest.item, contenders: outcomes.map(contenderFigures), goals, facts: judged };
}

function contenderFigures({ name, rounds }: Outcome): ContenderFigures {
  const latencies = rounds.flatMap(({ latenciesMs }) => latenciesMs ?? []);
  const cpu = (of: 'node' | 'postgres') => {
    const known = rounds.flatMap(({ cpu, items }) => (cpu[of] === undefined ? [] : [cpu[of] / items]));
    return known.length === 0 ? undefined : spreadOf(known).median;
  };
  const [nodeCpu, postgresCpu] = [cpu('node'), cpu('postgres')];
  return {
    name,
    perSecond: spreadOf(rounds.map(rateOf)),
    ...(nodeCpu === undefined ? {} : { nodeCpu }),
    ...(postgresCpu === undefined ? {} : { postgresCpu }),
    ...(latencies.length === 0 ? {} : { p50Ms: percentile(latencies, 0.5), p99Ms: percentile(latencies, 0.99) }),
  };
}

function ratiosOf({ figure, against }: Goal, outcomes: readonly Outcome[]): number[] {
  const ours = outcomes[0]!.rounds;
  if (figure === 'p99' && against === undefined) return ours.map(p99Of).filter(Number.isFinite);
  const reference = outcomes.find(({ name }) => name === against)?.rounds ?? [];
  const of = { cpu: cpuOf, throughput: rateOf, p99: (measured: Measured) => 1 / p99Of(measured) }[figure];
  return ours.flatMap((one, round) => {
    const ratio = reference[round] === undefined ? Number.NaN : of(one) / of(reference[round]);
    return Number.isFinite(ratio) ? [ratio] : [];
  });
}

function rateOf({ items, seconds }: Measured): number {
  return items / seconds;
}

function p99Of({ latenciesMs }: Measured): number {
  return latenciesMs === undefined ? Number.NaN : percentile(latenciesMs, 0.99);
}

function cpuOf({ cpu, items }: Measured): number {
  return cpu.node === undefined ? Number.NaN : (cpu.node + (cpu.postgres ?? 0)) / items;
}

function verdictOf({ better, limits }: Pick<Goal, 'better' | 'limits'>, reached: number): GoalFigures['verdict'] {
  if (limits === undefined) return 'no goal';
  const meets = (limit: number) => (better === 'high' ? reached >= limit : reached <= limit);
  if (meets(limits.stretch)) return 'stretch';
  return meets(limits.floor) ? 'floor' : 'missed';
}

/** The row for people. */
export function textOf({ name, title, item, contenders, goals, facts }: RowFigures): string {
  const lines = contenders.map((each) => {
    const { min, median, max } = each.perSecond;
    const cpu = [each.nodeCpu, each.postgresCpu].map((one) => (one === undefined ? '–' : one.toFixed(1)));
    const total = each.nodeCpu === undefined ? '–' : (each.nodeCpu + (each.postgresCpu ?? 0)).toFixed(1);
    const latency =
      each.p99Ms === undefined ? '' : `  p50 ${each.p50Ms?.toFixed(1)} ms, p99 ${each.p99Ms.toFixed(1)} ms`;
    return `    ${each.name.padEnd(26)} ${count(median).padStart(8)} ${item}s/s  (${count(min)} … ${count(max)})   CPU-µs ${total.padStart(6)} = Node ${cpu[0]} + Postgres ${cpu[1]}${latency}`;
  });
  return [`\n${name}: ${title}`, ...lines, ...goals.map(goalText), ...facts.map(factText)].join('\n');
}

const saidOf = { stretch: 'stretch met', floor: 'floor met', missed: 'MISSED', 'no goal': 'no goal set' } as const;

function factText({ name, value, unit, limits, verdict }: RowFigures['facts'][number]): string {
  const number = (one: number) => `${one.toFixed(one < 10 ? 1 : 0)} ${unit}`;
  const goal = limits
    ? `   floor ≤ ${number(limits.floor)}, stretch ≤ ${number(limits.stretch)}: ${saidOf[verdict]}`
    : '';
  return `    · ${name.padEnd(40)} ${number(value).padStart(12)}${goal}`;
}

function goalText({ figure, against, better, limits, reached, verdict }: GoalFigures): string {
  const isTime = figure === 'p99' && against === undefined;
  const number = (value: number) => (isTime ? `${value.toFixed(1)} ms` : `${value.toFixed(2)}x`);
  const sign = better === 'high' ? '≥' : '≤';
  const what = {
    throughput: 'throughput',
    cpu: 'CPU per item',
    p99: against === undefined ? 'p99' : 'p99, times lower',
  }[figure];
  const label = `${what}${against === undefined ? '' : ` against ${against}`}`;
  const said = saidOf[verdict];
  const goal = limits
    ? `floor ${sign} ${number(limits.floor)}, stretch ${sign} ${number(limits.stretch)}: ${said}`
    : said;
  return `    → ${label.padEnd(40)} ${number(reached.median).padStart(8)}  (${number(reached.min)} … ${number(reached.max)})   ${goal}`;
}

function count(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}
