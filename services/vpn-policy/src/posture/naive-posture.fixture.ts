import type { TaskRecord } from './task-posture.ts';

/** What stands on an endpoint, one line a threat. */
export interface NaiveThreat {
  readonly endpointId: string;
  readonly threatKey: string;
  readonly taskId: string;
  readonly status: string;
  readonly since: string;
  readonly acknowledged: boolean;
}

const resolved = [
  'all-threats-resolved',
  'security-software-took-action',
  'threat-no-longer-exists',
  'potential-threat-resolved',
  'no-threat-found',
];

/** Reads all that was ever recorded, from scratch, the slow and obvious way. */
export function naivePosture(records: readonly TaskRecord[]): NaiveThreat[] {
  const tasks = [...new Set(records.map(({ taskId }) => taskId))].map((taskId) => {
    const versions = [...new Set(records.filter((one) => one.taskId === taskId).map(({ after }) => after.version))];
    const story = versions
      .sort((a, b) => a - b)
      .map((version) => records.find((one) => one.taskId === taskId && one.after.version === version)!);
    const last = story.at(-1)!;
    const keysUpTo = (index: number) => [
      ...new Set(
        story
          .slice(0, index + 1)
          .flatMap(({ after, omitted }) => (omitted === undefined ? after.threatKeys : [`task:${taskId}`])),
      ),
    ];
    // Back from the end, for as long as it stood.
    let since: string | undefined;
    for (let index = story.length - 1; index >= 0; index--) {
      const { after, at } = story[index]!;
      if (resolved.includes(after.status) || keysUpTo(index).length === 0) break;
      since = at;
    }
    return { taskId, after: last.after, keys: keysUpTo(story.length - 1), since };
  });
  const pairs = tasks.flatMap(({ after, keys }) => keys.map((key) => [after.endpoint.endpointId, key] as const));
  const threats = [...new Set(pairs.map((pair) => pair.join(' ')))].map((pair) => pair.split(' ') as [string, string]);
  return threats
    .flatMap(([endpointId, threatKey]) => {
      const [newest] = tasks
        .filter(({ after, keys }) => after.endpoint.endpointId === endpointId && keys.includes(threatKey))
        .sort((a, b) => {
          const [x, y] = [`${a.after.runOpenedAt} ${a.taskId}`, `${b.after.runOpenedAt} ${b.taskId}`];
          return x < y ? 1 : -1;
        });
      if (newest?.since === undefined) return [];
      const { taskId, after, since } = newest;
      return [{ endpointId, threatKey, taskId, status: after.status, since, acknowledged: after.acknowledged }];
    })
    .sort((a, b) => (`${a.endpointId} ${a.threatKey}` < `${b.endpointId} ${b.threatKey}` ? -1 : 1));
}
