import { goodOutcomes } from '@quell/contracts/run-result';
import { canReach, statusCatalogue, statusEntry } from '@quell/contracts/status-catalogue';
import { taskEventData } from '@quell/contracts/task-events';
import { incompleteReason, taskStatus } from '@quell/contracts/task-status';
import { acknowledge, cancel, restoreOnEndpoint, retry, rollback, runCleanup } from './commands.ts';
import { expireRun } from './deliveries.ts';
import { foldTask } from './evolve.ts';
import { defaultClocks } from './settings.ts';
import { AGENT } from './steps.fixture.ts';
import { isInProgress, type Task } from './task.ts';
import { eventsOf, frozen, law, same, sampleWalks, type Turn } from './walk.fixture.ts';

// The laws of statuses.md over arbitrary legal histories: what the status of a task is, and what can be done from it.

const statesOf = (turns: readonly Turn[]): Task[] => turns.flatMap(({ states }) => states);

law('every legal history folds to exactly one of the 23, and to one that its kind and initiator can reach', (turns) => {
  for (const { status, kind, initiator } of statesOf(turns)) {
    same(taskStatus.parse(status), status);
    same(canReach(status.code, kind, initiator), true);
  }
});

law('the status is a pure function of the events: folding them again, also from storage, gives the same', (turns) => {
  const events = frozen(eventsOf(turns));
  const { after } = turns.at(-1)!;
  same(foldTask(events), after);
  same(foldTask(JSON.parse(JSON.stringify(events))), after);
  same(JSON.parse(JSON.stringify(after)), after);
});

law('the task as of a time is the fold of the events recorded up to it', (turns) => {
  const events = eventsOf(turns);
  for (const [index, state] of statesOf(turns).entries()) {
    const asOf = events[index]?.recordedAt ?? '';
    same(foldTask(events.filter(({ recordedAt }) => recordedAt <= asOf)), state);
    same(state.updatedAt, asOf);
    same(state.version, index + 1);
  }
});

law('every event fits its schema, so that the store and Kafka take what decisions write', (turns) => {
  for (const event of eventsOf(turns)) same(taskEventData[event.type].parse(event.data), event.data);
});

law('a task in progress can always be ended by a clock, and an ended one by none', (turns) => {
  for (const task of statesOf(turns)) {
    const clock = task.run.firstAcceptedAt === undefined ? 'total-wait' : 'run-clock';
    same(expireRun(task, clock).ok, isInProgress(task));
    same([task.run.end === undefined, task.run.endedAt === undefined], Array(2).fill(isInProgress(task)));
  }
});

law('the status agrees with the threats it speaks of', (turns) => {
  for (const { events, after } of turns) {
    const { status, threats } = after;
    if (!['RunReported', 'TaskLateResult'].includes(events.at(-1)?.type ?? '')) continue;
    const has = (...outcomes: string[]) => threats.some(({ outcome }) => outcomes.includes(outcome));
    switch (status.code) {
      case 'all-threats-resolved':
      case 'security-software-took-action':
      case 'threat-no-longer-exists':
      case 'potential-threat-resolved':
        expect(threats.length).toBeGreaterThan(0);
        same(
          threats.every(({ outcome }) => goodOutcomes.has(outcome)),
          true,
        );
        break;
      case 'no-threat-found':
        same(threats, []);
        break;
      case 'manual-cleanup-needed':
        same(has('found'), true);
        break;
      case 'not-all-threats-resolved':
        same([has('failed'), has('left-by-user', 'found')], [true, false]);
        break;
      case 'selected-threats-resolved':
        same([has('failed', 'found'), has('left-by-user')], [false, true]);
        break;
      case 'no-action-on-threats':
        same(
          threats.every(({ outcome }) => outcome === 'left-by-user'),
          true,
        );
        break;
      case 'not-all-selected-threats-resolved':
        same([has('failed'), has('left-by-user'), has('found')], [true, true, false]);
        break;
      default:
    }
  }
});

law('which commands a task takes follows from its status and from what is left to restore', (turns) => {
  for (const task of statesOf(turns)) {
    const { code } = task.status;
    const number = statusEntry(code).number;
    const canRestore = number !== 1 && task.restorable.length > 0;
    const isRollback = task.run.mode === 'rollback';
    const stillToRestore = task.run.payload.items?.some(({ id }) => task.restorable.some((item) => item.id === id));
    same(runCleanup(task, defaultClocks).ok, number === 8);
    same(
      retry(task, defaultClocks).ok,
      number > 7 && ![8, 10, 11, 23].includes(number) && (!isRollback || stillToRestore === true),
    );
    same(rollback(task, defaultClocks).ok, canRestore);
    same(restoreOnEndpoint(task, defaultClocks, { agentId: AGENT, scanCapable: true }).ok, canRestore);
    same(cancel(task).ok, number === 1);
    same(acknowledge(task).ok, number !== 1);
  }
});

// A fixed seed, so that what the other laws are tried on cannot become poor unnoticed.
test('the histories reach all 23 statuses, every reason for an incomplete task, every end and every event', () => {
  const walks = sampleWalks(23, 2000);
  const states = walks.flatMap(statesOf);
  const sorted = (values: Iterable<string | undefined>) =>
    [...new Set(values)].filter((value) => value !== undefined).toSorted();
  same(sorted(states.map(({ status }) => status.code)), statusCatalogue.map(({ code }) => code).toSorted());
  same(
    sorted(states.map(({ status }) => (status.code === 'incomplete-task' ? status.reason : undefined))),
    incompleteReason.options.toSorted(),
  );
  same(sorted(states.map(({ run }) => run.end)), ['corrected', 'decided', 'inferred', 'reported', 'withdrawn']);
  same(sorted(walks.flatMap(eventsOf).map(({ type }) => type)), Object.keys(taskEventData).toSorted());
});
