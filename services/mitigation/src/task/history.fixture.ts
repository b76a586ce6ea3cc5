import type { TaskEvent } from '@quell/contracts/task-events';
import type { Decision } from './decision.ts';
import { evolve } from './evolve.ts';
import type { ReportAnswer } from './reports.ts';
import type { RecordedTaskEvent, Task } from './task.ts';

export type Answer = Decision | ReportAnswer;

/** Something that happens to a task. `reportId` is the id under which an agent's report stands in the stream. */
export interface Step {
  readonly reportId?: string;
  take(task: Task, now: string): Answer;
}

/** A history that decisions wrote: its events, and the task they fold to. */
export interface History {
  readonly task: Task;
  readonly events: readonly RecordedTaskEvent[];
  /** Takes the steps in turn. Throws when one is refused: an example tells a legal story. */
  when(...steps: (Step | readonly Step[])[]): History;
  /** What a step would be answered, without taking it. */
  answerTo(step: Step): Answer;
}

/** The time of a history's event: one second per version. */
export const timeOf = (version: number): string => new Date(Date.UTC(2026, 0, 1) + version * 1000).toISOString();

/** An event as the store would hold it. */
export function recorded(event: TaskEvent, version: number, id = `event-${version}`): RecordedTaskEvent {
  return { ...event, id, version, recordedAt: timeOf(version), actor: 'test' };
}

/** The events of an answer as they would be stored after `task`. */
export function recordedAfter(task: Task, answer: Answer, reportId?: string): RecordedTaskEvent[] {
  const events = 'events' in answer ? answer.events : [];
  return events.map((event, index) => recorded(event, task.version + 1 + index, reportId));
}

/** Starts a history with what an opening decided. */
export function given(opening: readonly TaskEvent[]): History {
  return extended(
    undefined,
    [],
    opening.map((event, index) => recorded(event, index + 1)),
  );
}

function extended(
  before: Task | undefined,
  past: readonly RecordedTaskEvent[],
  more: readonly RecordedTaskEvent[],
): History {
  const task = more.reduce<Task | undefined>(evolve, before);
  if (task === undefined) throw new Error('a history starts with an opening');
  const events = [...past, ...more];
  const answerTo = (step: Step) => step.take(task, timeOf(task.version + 1));
  const taken = (step: Step): History => {
    const answer = answerTo(step);
    if (!('events' in answer)) throw new Error(`refused: ${answer.refusal.code}: ${answer.refusal.detail}`);
    if ('code' in answer && answer.code !== 200 && answer.code !== 422) throw new Error(`answered ${answer.code}`);
    return extended(task, events, recordedAfter(task, answer, step.reportId));
  };
  const when = (...steps: (Step | readonly Step[])[]): History => {
    const [first, ...rest] = steps.flat();
    return first === undefined ? extended(task, events, []) : taken(first).when(rest);
  };
  return { task, events, answerTo, when };
}
