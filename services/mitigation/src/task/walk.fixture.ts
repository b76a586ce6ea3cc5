import { isDeepStrictEqual } from 'node:util';
import type { RunResult } from '@quell/contracts/run-result';
import type { ExpiryCause, TakenDetection, TaskEvent } from '@quell/contracts/task-events';
import fc from 'fast-check';
import { decided } from './decision.ts';
import { evolve } from './evolve.ts';
import {
  anyMoves,
  anyOpening,
  holder,
  type Move,
  type PlainName,
  type ResultPlan,
  type Sender,
} from './history.arbitrary.ts';
import { type Answer, recordedAfter, type Step, timeOf } from './history.fixture.ts';
import { type Report, type ReportAnswer, report } from './reports.ts';
import * as steps from './steps.fixture.ts';
import { type RecordedTaskEvent, type Task, userChooses } from './task.ts';

/** A report as an agent sent it, to be sent again. */
export interface Sent {
  readonly id: string;
  readonly attempt: number;
  readonly agentId: string;
  readonly said: Report;
}

type PlainMove = Exclude<Move, { do: 'go-on' }>;

/** One move of a walk: what it was answered, and the task after each of its events. */
export interface Turn {
  readonly move: Move | 'open';
  readonly before: Task | undefined;
  readonly answer: Answer;
  readonly sent?: Sent;
  readonly events: readonly RecordedTaskEvent[];
  readonly states: readonly Task[];
  readonly after: Task;
}

const anyAttempts = fc.tuple(anyOpening, anyMoves);

/** Legal histories: whatever was tried, only what the decision functions answered stands in them. */
export function sampleWalks(seed: number, numRuns: number): Turn[][] {
  return fc.sample(anyAttempts, { seed, numRuns }).map(walk);
}

const seed = Math.trunc(Math.random() * 2 ** 31);
const numRuns = 1000;
let walks: (readonly Turn[])[] | undefined;

/**
 * A test that a law holds on a thousand legal histories. The laws of a file share their histories, which are new in every test run; a
 * broken law is tried again on its own, for the seed and the smallest history that breaks it.
 */
export function law(name: string, holds: (turns: readonly Turn[]) => void): void {
  test(name, () => {
    walks ??= sampleWalks(seed, numRuns);
    try {
      walks.forEach(holds);
    } catch {
      fc.assert(
        fc.property(anyAttempts, (attempts) => holds(walk(attempts))),
        { seed, numRuns },
      );
      throw new Error(`the law held when it was tried again with seed ${seed}: the histories were changed meanwhile`);
    }
  });
}

/** As `expect(actual).toEqual(expected)`, but quick as long as it holds. */
export function same(actual: unknown, expected: unknown): void {
  if (!isDeepStrictEqual(actual, expected)) expect(actual).toEqual(expected);
}

export const eventsOf = (turns: readonly Turn[]): RecordedTaskEvent[] => turns.flatMap(({ events }) => events);

/** Takes the moves in turn. Everything that goes into a decision or a fold is deeply frozen: changing it would throw. */
export function walk([opening, moves]: readonly [readonly TaskEvent[], readonly Move[]]): Turn[] {
  const turns: Turn[] = [];
  const sent: Sent[] = [];
  const take = (move: Turn['move'], before: Task | undefined, answer: Answer, said?: Sent) => {
    const events = frozen(recordedAfter(before ?? ({ version: 0 } as Task), answer, said?.id));
    const states: Task[] = [];
    for (const event of events) states.push(frozen(evolve(states.at(-1) ?? before, event)));
    const after = states.at(-1) ?? before;
    if (after === undefined) throw new Error('a walk starts with an opening');
    turns.push({ move, before, answer, events, states, after, ...(said === undefined ? {} : { sent: said }) });
    return after;
  };
  let task = take('open', undefined, decided(...opening));
  for (const [index, wish] of moves.entries()) {
    const move = wish.do === 'go-on' ? fitting(task, wish) : wish;
    if (move.do === 'say' || move.do === 'result' || move.do === 'send-again') {
      const said =
        move.do === 'send-again' ? sent[move.which % (sent.length || 1)] : sentBy(task, move, `report-${index}`);
      if (said === undefined) continue;
      if (move.do !== 'send-again') sent.push(frozen(said));
      task = take(move, task, answerTo(task, said), said);
    } else {
      task = take(move, task, stepOf(task, move).take(task, timeOf(task.version + 1)));
    }
  }
  return turns;
}

/** A move that fits the state, the ones that lead on more often than the mishaps. */
function fitting(task: Task, { choice, plan }: Extract<Move, { do: 'go-on' }>): PlainMove {
  const from = holder;
  const say = (said: 'accepted' | 'busy'): PlainMove => ({ do: 'say', said, from });
  const result: PlainMove = { do: 'result', plan, from };
  const handOut: PlainMove = { do: 'hand-out', agent: 0, capabilities: steps.everything, excepted: false };
  const lose: PlainMove = { do: 'lose', reason: 'unknown-to-agent' };
  const crash: PlainMove = { do: 'crash', boot: task.run.crashes + 1 };
  const expire = (...causes: ExpiryCause[]) => causes.map((cause): PlainMove => ({ do: 'expire', cause }));
  const command = (...names: PlainName[]) => names.map((name): PlainMove => ({ do: name }));
  const accepted = task.run.firstAcceptedAt !== undefined;
  const clocks = [
    ...(accepted ? expire('run-clock', 'lost-over-restart') : expire('queue-clock', 'total-wait')),
    ...(task.cancel === undefined ? [] : expire('cancel-unanswered', 'cancel-unanswered')),
  ];
  const phase = task.status.code === 'mitigation-in-progress' ? task.status.phase : 'ended';
  const moves: Record<typeof phase, PlainMove[]> = {
    queued: [...Array(12).fill(handOut), ...clocks, ...command('cancel')],
    dispatched: [...Array(8).fill(say('accepted')), result, say('busy'), lose, lose, ...command('cancel'), ...clocks],
    accepted: [
      ...Array(9).fill(result),
      crash,
      crash,
      lose,
      lose,
      ...command('cancel'),
      ...clocks,
      { do: 'replace-agent' },
    ],
    ended: [
      result,
      ...command('retry', 'retry', 'run-cleanup', 'rollback', 'rollback', 'acknowledge'),
      { do: 'restore-there', item: 3 },
    ],
  };
  return moves[phase][choice % moves[phase].length] ?? handOut;
}

export function answerTo(task: Task, { attempt, agentId, id, said }: Sent): ReportAnswer {
  return report(task, attempt, agentId, id, said);
}

function sentBy(task: Task, move: Extract<Move, { from: Sender }>, id: string): Sent {
  const agentId = move.from.isOther ? steps.OTHER_AGENT : (task.run.agentId ?? steps.AGENT);
  return { id, attempt: task.attempt - move.from.attemptBack, agentId, said: reportOf(task, move) };
}

function reportOf(task: Task, move: Extract<Move, { from: Sender }>): Report {
  if (move.do === 'result') return { type: 'result', data: resultOf(task, move.plan) };
  if (move.said === 'accepted') return { type: 'accepted', bootId: 'boot-0' };
  return move.said === 'busy' ? { type: 'busy', notBefore: timeOf(task.version) } : { type: move.said };
}

function stepOf(task: Task, move: Exclude<PlainMove, { do: 'say' | 'result' | 'send-again' }>): Step {
  switch (move.do) {
    case 'hand-out':
      return steps.handedOut({
        agentId: move.agent === 0 ? steps.AGENT : steps.OTHER_AGENT,
        capabilities: move.capabilities,
        ...(move.excepted ? { exception: steps.exception } : {}),
      });
    case 'lose':
      return steps.lost(move.reason);
    case 'crash':
      return steps.crashed(`boot-${move.boot}`);
    case 'replace-agent':
      return steps.agentReplaced();
    case 'expire':
      return steps.expired(move.cause, { limitSeconds: 60, lastContactAt: timeOf(0) });
    case 'restore-there':
      return steps.restoredThere(move.item === 3 ? undefined : task.restorable.slice(move.item).map(({ id }) => id));
    case 'run-cleanup':
      return steps.ranCleanup();
    case 'retry':
      return steps.retried();
    case 'rollback':
      return steps.rolledBack();
    case 'cancel':
      return steps.cancelled();
    case 'acknowledge':
      return steps.acknowledged();
    case 'detect-again':
      return { take: () => decided({ type: 'DetectionAttached', data: { detection } }) };
    case 'detect-update':
      return { take: () => decided({ type: 'DetectionUpdated', data: { detection: { ...detection, severity: 5 } } }) };
  }
}

const detection: TakenDetection = {
  detectionId: 'b1f2a3c4-0000-5000-8000-000000000001',
  eventId: 'b1f2a3c4-0000-5000-8000-000000000002',
  source: 'sensor',
  sourceId: '1',
  detectedAt: timeOf(-60),
  severity: 3,
  threat: { name: 'x' },
};

function resultOf(task: Task, { outcome, threats, extras, backups, restored, fitting }: ResultPlan): RunResult {
  const { mode, payload } = task.run;
  const natural = mode === 'assess' ? 'assessed' : mode === 'rollback' ? 'rolled-back' : 'finished';
  const end = outcome === 'natural' ? natural : outcome;
  const ids = [
    ...new Set([...payload.targets.map(({ id }) => id), ...Array.from({ length: extras }, (_, index) => `x${index}`)]),
  ];
  const allowed = (wished: (typeof threats)[number]) => {
    if (!fitting) return wished;
    if (wished === 'left-by-user' && !userChooses(task)) return 'failed';
    if (wished === 'resolved' && end === 'assessed') return 'found';
    return wished === 'found' && end === 'finished' ? 'resolved' : wished;
  };
  const reported = ids.map((id, index) => steps.threat(id, allowed(threats[index % threats.length] ?? 'failed')));
  const items = payload.items?.map(({ id }, index) => ({ id, restored: restored[index % restored.length] ?? true }));
  if (mode === 'rollback' && fitting) return { outcome: end, items: items ?? [] };
  return {
    outcome: end,
    threats: reported,
    ...(backups && (mode !== 'assess' || !fitting)
      ? { backups: reported.map(({ id }) => steps.backup(`b-${id}`, id)) }
      : {}),
    ...(fitting ? {} : { items: items ?? [{ id: 'b-x', restored: true }] }),
  };
}

/** Freezes a value and all it holds. */
export function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const member of Object.values(value)) frozen(member);
  }
  return value;
}
