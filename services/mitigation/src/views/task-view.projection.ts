import { statusLabelOf } from '@quell/contracts/status-catalogue';
import type { StoredEvent } from '@quell/event-store/event';
import type { Projection } from '@quell/event-store/projection';
import type { ClientBase } from 'pg';
import { SCHEMA } from '../database/schema.ts';
import { evolve } from '../task/evolve.ts';
import type { Task } from '../task/task.ts';
import { recordedEvent } from '../task-store/stream.ts';
import { taskAfterOf } from './task-dto.ts';

/** The list of tasks: each event is folded on to the state that the row keeps. */
export const taskViewProjection: Projection = {
  name: 'task_view',
  version: 1,
  schema: SCHEMA,
  async handle(client, events) {
    const states = await loadStates(client, [...new Set(events.map(({ streamId }) => streamId))]);
    for (const event of events) {
      const before = states.get(event.streamId);
      if (before !== undefined && event.version <= before.version) continue;
      states.set(event.streamId, foldOn(before, event));
    }
    await saveStates(client, [...states]);
  },
};

function foldOn(before: Task | undefined, event: StoredEvent): Task {
  const expected = (before?.version ?? 0) + 1;
  if (event.version !== expected) {
    throw new Error(`task ${event.streamId}: version ${event.version} came where ${expected} was next`);
  }
  return evolve(before, recordedEvent(event));
}

async function loadStates(client: ClientBase, taskIds: readonly string[]): Promise<Map<string, Task>> {
  const { rows } = await client.query<{ task_id: string; state: Task }>({
    name: 'load-task-states',
    text: 'SELECT task_id, state FROM mitigation.task_view WHERE task_id = ANY($1::uuid[])',
    values: [taskIds],
  });
  return new Map(rows.map((row) => [row.task_id, row.state]));
}

const columns: readonly (readonly [name: string, type: string, read: (id: string, task: Task) => unknown])[] = [
  ['task_id', 'uuid', (id) => id],
  ['kind', 'text', (_, task) => task.kind],
  ['initiator', 'text', (_, task) => task.initiator],
  ['severity', 'smallint', (_, task) => task.severity],
  ['endpoint_id', 'uuid', (_, task) => task.endpoint.endpointId],
  ['hostname', 'text', (_, task) => task.endpoint.hostname ?? null],
  ['device_id', 'text', (_, task) => task.endpoint.deviceId ?? null],
  ['agent_id', 'text', (_, task) => task.run.agentId ?? task.endpoint.agentId ?? null],
  ['status_code', 'text', (_, task) => task.status.code],
  ['status_group', 'text', (_, task) => statusLabelOf(task.status.code).group],
  ['action_required', 'boolean', (_, task) => statusLabelOf(task.status.code).actionRequired],
  ['reason', 'text', (_, task) => taskAfterOf(task).reason ?? null],
  ['run', 'int', (_, task) => task.run.number],
  ['mode', 'text', (_, task) => task.run.mode],
  ['attempt', 'int', (_, task) => task.attempt],
  ['detection_count', 'int', (_, task) => task.detections.count],
  ['first_seen_at', 'timestamptz', (_, task) => task.detections.firstSeenAt ?? null],
  ['last_seen_at', 'timestamptz', (_, task) => task.detections.lastSeenAt ?? null],
  ['opened_at', 'timestamptz', (_, task) => task.openedAt],
  ['updated_at', 'timestamptz', (_, task) => task.updatedAt],
  ['version', 'int', (_, task) => task.version],
  ['state', 'json', (_, task) => JSON.stringify(task)],
];

const names = columns.map(([name]) => name);
const UPSERT = `
  INSERT INTO mitigation.task_view (${names.join(', ')})
  SELECT * FROM unnest(${columns.map(([, type], index) => `$${index + 1}::${type}[]`).join(', ')})
  ON CONFLICT (task_id) DO UPDATE SET ${names
    .slice(1)
    .map((name) => `${name} = excluded.${name}`)
    .join(', ')}`;

async function saveStates(client: ClientBase, states: readonly (readonly [string, Task])[]): Promise<void> {
  const values = columns.map(([, , read]) => states.map(([id, task]) => read(id, task)));
  await client.query({ name: 'save-task-states', text: UPSERT, values });
}
