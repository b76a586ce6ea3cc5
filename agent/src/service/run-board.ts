import { setTimeout as delay } from 'node:timers/promises';
import type { CheckInRequest, HandedTask } from '@quell/contracts/agent-protocol';
import { type JournalledRun, runKey } from '../journal/records.ts';
import { findRun, isResultPending, isUnfinished } from '../journal/replay.ts';
import { execute, targetIdsOf } from '../run/execute.ts';
import { fitResult } from '../run/fit-result.ts';
import { type RunEnvironment, type StopCause, Stopped } from '../run/run-environment.ts';
import type { Outbox, Outgoing } from './outbox.ts';
import { runEvent } from './run-events.ts';

/** Seconds a run that changes state asks for when another one is at work. */
const BUSY_SECONDS = 30;
const MAX_PROGRESS_SECONDS = 10;

interface Active {
  readonly controller: AbortController;
  phase: string;
  percent?: number;
  done: Promise<void>;
}

type KnownRun = JournalledRun & { run: number; attempt: number };

/** The runs at work in this process, and what becomes of a task that is handed out. At most one run that changes state at a time. */
export class RunBoard {
  private readonly environment: RunEnvironment;
  private readonly outbox: Outbox;
  private readonly active = new Map<string, Active>();

  constructor(environment: RunEnvironment, outbox: Outbox) {
    this.environment = environment;
    this.outbox = outbox;
  }

  /** Takes up what the journal holds: unfinished runs go on, unanswered results are sent again. */
  resume(): void {
    for (const entry of this.environment.journal.state.values()) {
      if (isUnfinished(entry)) this.start(entry.key);
      else this.sendResult(entry.key);
    }
  }

  /** Takes a task from the server: a known run goes on or has its result sent again, a new one is journalled and begun. */
  async take(task: HandedTask): Promise<void> {
    const { journal, log } = this.environment;
    const { taskId, run, attempt } = task;
    const known = findRun(journal.state, taskId, run);
    if (known !== undefined) {
      await journal.append({ type: 'attempt-raised', key: known.key, run, attempt });
      const now = journal.state.get(known.key) ?? known;
      if (!isUnfinished(now)) this.sendResult(known.key);
      else if (this.active.has(known.key)) this.say(known.key, { type: 'accepted' });
      else this.start(known.key);
      return;
    }
    await this.giveUpOlderRuns(taskId, run);
    if (task.mode !== 'assess' && this.isChanging()) {
      log(`task ${taskId} run ${run}: busy`);
      this.outbox.put(busyEvent(task, this.environment.now()));
      return;
    }
    const { mode, kind, payload, leaseSeconds } = task;
    const entry: JournalledRun = {
      ...{ key: runKey(taskId, run), work: { taskId, mode, kind, payload, leaseSeconds }, run, attempt },
      ...{ acceptedAt: this.environment.now(), items: [], choices: {}, isCancelAsked: false, isAbandoned: false },
    };
    await journal.append({ type: 'accepted', entry });
    log(`task ${taskId} run ${run} attempt ${attempt}: accepted (${kind}, ${mode})`);
    this.start(entry.key);
  }

  /** Asks a run to stop. One that has its result, or is unknown, has nothing to stop. */
  async cancel(taskId: string, run: number): Promise<void> {
    const entry = findRun(this.environment.journal.state, taskId, run);
    if (entry === undefined || !isUnfinished(entry)) return;
    if (!entry.isCancelAsked) await this.environment.journal.append({ type: 'cancel-asked', key: entry.key });
    this.stop(entry.key, 'cancelled');
  }

  /**
   * What the server's answer to an event means for its run: 410 stop now, 404 no such attempt. A stale attempt (409) stops nothing: the
   * same run comes again under a higher one.
   */
  async onAnswer({ key, attempt, event }: Outgoing, code: number): Promise<void> {
    const { journal } = this.environment;
    if (event.type === 'result') await journal.append({ type: 'answered', key, attempt, code });
    else if ((code === 410 || code === 404) && journal.state.get(key)?.attempt === attempt) this.stop(key, 'over');
  }

  /** Whether a run that changes state is at work. */
  isChanging(): boolean {
    return [...this.active.keys()].some((key) => this.environment.journal.state.get(key)?.work.mode !== 'assess');
  }

  /** Resolves once no run that changes state is at work. */
  async free(): Promise<void> {
    while (this.isChanging()) await Promise.race([...this.active.values()].map(({ done }) => done));
  }

  get size(): number {
    return this.active.size;
  }

  running(): CheckInRequest['running'] {
    return [...this.active].flatMap(([key, { phase, percent }]) => {
      const known = this.known(key);
      if (known === undefined || !isUnfinished(known)) return [];
      const { work, run, attempt } = known;
      return [{ taskId: work.taskId, run, attempt, phase, ...(percent === undefined ? {} : { percent }) }];
    });
  }

  journalPending(): CheckInRequest['journalPending'] {
    return [...this.environment.journal.state.values()].filter(isResultPending).flatMap(({ work, run, attempt }) => {
      return run === undefined || attempt === undefined ? [] : [{ taskId: work.taskId, run, attempt }];
    });
  }

  /** Executes a journalled run; resolves when it ended. Its acceptance is said first, and waited for while the server can be reached. */
  start(key: string): Promise<void> {
    const controller = new AbortController();
    const active: Active = { controller, phase: 'starting', done: Promise.resolve() };
    this.active.set(key, active);
    active.done = this.work(key, active)
      .catch((error: Error) => this.environment.log(`run ${key}: ${error.stack ?? error.message}`))
      .finally(() => this.active.delete(key));
    return active.done;
  }

  /** Sends the result a run has, for its latest attempt. */
  sendResult(key: string): void {
    const known = this.known(key);
    if (known?.result === undefined || !isResultPending(known)) return;
    this.outbox.put(runEvent(known, this.environment.now(), { type: 'result', result: known.result }));
  }

  /** The same result in half the bytes, for a server or proxy that takes no larger one; undefined when it cannot be made shorter. */
  shorter({ key, attempt, event }: Outgoing): Outgoing | undefined {
    const known = this.known(key);
    if (event.type !== 'result' || known?.result === undefined || known.attempt !== attempt) return undefined;
    const bytes = Buffer.byteLength(JSON.stringify(event.data));
    const result = fitResult(known.result, Math.floor(bytes / 2), targetIdsOf(known));
    const shorter = runEvent(known, event.at, { type: 'result', result });
    return Buffer.byteLength(JSON.stringify(shorter.event)) < Buffer.byteLength(JSON.stringify(event))
      ? shorter
      : undefined;
  }

  /** Ends work for a shutdown: waits for what ends within the grace, interrupts the rest, which the next start resumes. */
  async shutdown(graceMs: number): Promise<void> {
    const all = () => Promise.all([...this.active.values()].map(({ done }) => done));
    await Promise.race([all(), delay(graceMs, undefined, { ref: false })]);
    for (const key of this.active.keys()) this.stop(key, 'shutdown');
    await all();
  }

  private async work(key: string, active: Active): Promise<void> {
    const { journal } = this.environment;
    const { leaseSeconds } = journal.state.get(key)?.work ?? { leaseSeconds: 30 };
    this.say(key, { type: 'accepted' });
    await this.outbox.settled();
    this.say(key, { type: 'started' });
    const every = Math.min(MAX_PROGRESS_SECONDS, leaseSeconds / 3) * 1000;
    const timer = setInterval(() => this.sayProgress(key, active), every);
    const report = (phase: string, percent?: number) => {
      active.phase = phase;
      if (percent === undefined) delete active.percent;
      else active.percent = Math.min(100, Math.max(0, Math.round(percent)));
    };
    try {
      if (journal.state.get(key)?.isCancelAsked) this.stop(key, 'cancelled');
      const execution = await execute(key, this.environment, { signal: active.controller.signal, report });
      if (execution.ended === 'interrupted') return;
      if (execution.ended === 'result') await journal.append({ type: 'result', key, result: execution.result });
      else await journal.append({ type: 'abandoned', key, why: 'the server does not want this run' });
      this.environment.log(`run ${key}: ${execution.ended === 'result' ? execution.result.outcome : 'given up'}`);
    } finally {
      clearInterval(timer);
    }
    this.sendResult(key);
  }

  private say(key: string, said: { type: 'accepted' | 'started' }): void {
    const known = this.known(key);
    if (known !== undefined) this.outbox.put(runEvent(known, this.environment.now(), said));
  }

  private sayProgress(key: string, { phase, percent }: Active): void {
    const known = this.known(key);
    if (known === undefined) return;
    const said = { type: 'progress' as const, phase, ...(percent === undefined ? {} : { percent }) };
    this.outbox.put(runEvent(known, this.environment.now(), said));
  }

  private stop(key: string, cause: StopCause): void {
    const controller = this.active.get(key)?.controller;
    if (controller?.signal.aborted === false) controller.abort(new Stopped(cause));
  }

  /** A newer run of a task means the server gave the older ones up. */
  private async giveUpOlderRuns(taskId: string, run: number): Promise<void> {
    const older = [...this.environment.journal.state.values()].filter(
      (entry) => entry.work.taskId === taskId && (entry.run ?? run) < run && isUnfinished(entry),
    );
    for (const { key } of older) {
      this.stop(key, 'over');
      await this.active.get(key)?.done;
    }
  }

  private known(key: string): KnownRun | undefined {
    const entry = this.environment.journal.state.get(key);
    if (entry?.run === undefined || entry.attempt === undefined) return undefined;
    return { ...entry, run: entry.run, attempt: entry.attempt };
  }
}

function busyEvent({ taskId, run, attempt }: HandedTask, at: string): Outgoing {
  const event = { eventId: crypto.randomUUID(), type: 'busy' as const, at, data: { retryAfterSeconds: BUSY_SECONDS } };
  return { key: runKey(taskId, run), taskId, attempt, event };
}
