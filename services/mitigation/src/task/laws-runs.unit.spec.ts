import { goodOutcomes } from '@quell/contracts/run-result';
import fc from 'fast-check';
import { MAX_CRASHES, MAX_LOST_DELIVERIES } from './deliveries.ts';
import { anyOpening, anyPlan, holder, type Move } from './history.arbitrary.ts';
import { everything } from './steps.fixture.ts';
import { answerTo, eventsOf, law, type Sent, same, type Turn, walk } from './walk.fixture.ts';

// The laws of statuses.md over arbitrary legal histories: how runs end, what reports can change, and what becomes of threats.

/** The events of each run, the first of them the one that opened it. */
function runsOf(turns: readonly Turn[]) {
  const runs: ReturnType<typeof eventsOf>[] = [];
  for (const event of eventsOf(turns)) {
    if (event.type === 'TaskOpened' || event.type === 'RunOpened') runs.push([]);
    runs.at(-1)?.push(event);
  }
  return runs;
}

const ends = {
  reported: ['RunReported', 'ResultRejected'],
  inferred: ['RunExpired'],
  final: ['MitigationExcepted', 'PlatformExcluded', 'TaskWithdrawn'],
};
const anyEnd = Object.values(ends).flat();
/** What still happens to a task whose run has ended. */
const afterAnEnd = ['TaskLateResult', 'TaskAcknowledged', 'DetectionAttached', 'DetectionUpdated'];

law('a run ends once; the first reported end stands, and no inferred one replaces it', (turns) => {
  const runs = runsOf(turns).map((run) => run.map(({ type }) => type as string));
  for (const [index, types] of runs.entries()) {
    const end = types.findIndex((type) => anyEnd.includes(type));
    if (end < 0) {
      same(index, runs.length - 1);
      continue;
    }
    const later = types.slice(end + 1);
    same(
      later.filter((type) => !afterAnEnd.includes(type)),
      [],
    );
    const corrections = later.filter((type) => type === 'TaskLateResult').length;
    same(corrections <= (ends.inferred.includes(types[end] ?? '') ? 1 : 0), true);
  }
});

law('after its end a task changes status only by one late result of an inferred end, or by a command', (turns) => {
  for (const { before, events, states } of turns) {
    for (const [index, event] of events.entries()) {
      const was = states[index - 1] ?? before;
      const is = states[index];
      if (was === undefined || was.status.code === 'mitigation-in-progress' || event.type === 'RunOpened') continue;
      if (event.type === 'TaskLateResult') same([was.run.end, is?.run.end], ['inferred', 'corrected']);
      else same(is?.status, was.status);
    }
  }
});

law(
  'runs rise by one, attempts rise by one over the whole task, and every event is about the latest of them',
  (turns) => {
    let run = 1;
    let attempt = 0;
    for (const { type, data } of eventsOf(turns)) {
      if (type === 'RunOpened') run += 1;
      if (type === 'TaskDispatched') attempt += 1;
      if ('run' in data) same(data.run, run);
      if ('attempt' in data) same(data.attempt, attempt);
    }
    const { after } = turns.at(-1)!;
    same([after.attempt, after.run.number], [attempt, run]);
  },
);

law('a run never outlives three lost deliveries or two crashes, nor counts one boot twice', (turns) => {
  for (const run of runsOf(turns)) {
    const count = (type: string) => run.filter((event) => event.type === type).length;
    const cause = run.flatMap((event) => (event.type === 'RunExpired' ? event.data.cause : []))[0];
    const lost = run.filter(({ type, data }) => type === 'AttemptLost' && data.reason !== 'agent-replaced').length;
    same(lost <= MAX_LOST_DELIVERIES, true);
    same(count('AgentCrashed') <= MAX_CRASHES, true);
    same(cause === 'lost-deliveries', lost === MAX_LOST_DELIVERIES);
    same(cause === 'agent-crashes', count('AgentCrashed') === MAX_CRASHES);
  }
});

law(
  'a report that was answered can be sent again at any later time, any number of times, without an event',
  (turns) => {
    const sent: Sent[] = [];
    for (const turn of turns) {
      if (turn.sent !== undefined && 'code' in turn.answer && turn.answer.code !== 404) sent.push(turn.sent);
      for (const again of sent) same(answerTo(turn.after, again).events, []);
    }
  },
);

law('reports of an old attempt or of another agent than its holder change nothing', (turns) => {
  for (const { before, sent, answer } of turns) {
    if (before === undefined || sent === undefined || !('code' in answer)) continue;
    if (sent.attempt === before.attempt && sent.agentId === before.run.agentId) continue;
    same(answer.events, []);
    if (!before.reports.some(({ id }) => id === sent.id)) same(answer.code === 404 || answer.code === 409, true);
  }
});

law('a report of the current attempt that is refused changes nothing, but a rejected result', (turns) => {
  for (const { answer, events } of turns) {
    if (!('code' in answer) || answer.code === 200) continue;
    same(
      events.map(({ type }) => type),
      answer.code === 422 && answer.events.length > 0 ? ['ResultRejected'] : [],
    );
  }
});

law('an exception never ends a rollback, nor a run that was handed out before', (turns) => {
  for (const run of runsOf(turns)) {
    const types = run.map(({ type }) => type);
    if (!types.includes('MitigationExcepted')) continue;
    same(types.includes('TaskDispatched'), false);
    const [opening] = run;
    same(opening !== undefined && 'mode' in opening.data && opening.data.mode !== 'rollback', true);
  }
});

law('what can be restored shrinks only by restored items, whose threats are found again', (turns) => {
  for (const { before, after, events } of turns) {
    const event = events.at(-1);
    const gone = (before?.restorable ?? []).filter(({ id }) => !after.restorable.some((item) => item.id === id));
    if (gone.length === 0) continue;
    if (event?.type !== 'RunReported' && event?.type !== 'TaskLateResult') throw new Error('only a result restores');
    const { items = [] } = event.data.result;
    same(before?.run.mode, 'rollback');
    same(
      gone.map(({ id }) => id),
      items.filter((item) => item.restored).map(({ id }) => id),
    );
    for (const { threatId } of gone) {
      same(after.threats.find(({ id }) => id === threatId)?.outcome ?? 'found', 'found');
    }
  }
});

law('a threat is never forgotten, and gone never replaces a good outcome', (turns) => {
  for (const { before, after } of turns) {
    for (const { id, outcome } of before?.threats ?? []) {
      const now = after.threats.find((threat) => threat.id === id)?.outcome;
      same(now === undefined, false);
      if (now === 'gone' && goodOutcomes.has(outcome)) same(outcome, 'gone');
    }
  }
});

law('a new run is handed nothing that has a good outcome, as long as anything else is left', (turns) => {
  for (const { events, before } of turns) {
    for (const event of events) {
      if (event.type !== 'RunOpened' || before === undefined) continue;
      const outcomes = new Map(before.threats.map(({ id, outcome }) => [id, outcome]));
      const isLeft = (id: string) => !goodOutcomes.has(outcomes.get(id) ?? 'found');
      const { targets, items = [] } = event.data.payload;
      if (targets.some(({ id }) => isLeft(id)))
        same(
          targets.filter(({ id }) => !isLeft(id)),
          [],
        );
      same(
        items.filter((item) => !before.restorable.includes(item)),
        [],
      );
    }
  }
});

test('reports of one attempt may come in any order and any number of times: the result decides', () => {
  const said = fc.constantFrom('accepted' as const, 'started' as const, 'progress' as const, 'result' as const);
  fc.assert(
    fc.property(anyOpening, anyPlan, fc.array(said), (opening, plan, order) => {
      const attempt: Move[] = [...order, 'result' as const].map((what) =>
        what === 'result' ? { do: 'result', plan, from: holder } : { do: 'say', said: what, from: holder },
      );
      const handOut: Move = { do: 'hand-out', agent: 0, capabilities: everything, excepted: false };
      const { after: once } = walk([opening, [handOut, ...attempt.slice(-1)]]).at(-1)!;
      const { after } = walk([opening, [handOut, ...attempt]]).at(-1)!;
      same([after.status, after.threats, after.restorable], [once.status, once.threats, once.restorable]);
    }),
  );
});
