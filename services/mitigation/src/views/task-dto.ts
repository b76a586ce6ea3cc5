import { threatKeyOf } from '@quell/contracts/detection-identity';
import { recommendedActions } from '@quell/contracts/recommended-actions';
import { statusLabelOf } from '@quell/contracts/status-catalogue';
import { statusDescription } from '@quell/contracts/status-description';
import type { TaskAfter, TaskDto } from '@quell/contracts/task';
import type { TaskStatus } from '@quell/contracts/task-status';
import type { Task } from '../task/task.ts';

/** A task as the API answers it: its status with what to do next, filled in with its own facts. */
export function taskDtoOf(id: string, task: Task): TaskDto {
  const reason = reasonOf(task.status);
  const { firstSeenAt, lastSeenAt } = task.detections;
  return {
    id,
    kind: task.kind,
    initiator: task.initiator,
    severity: task.severity,
    endpoint: task.endpoint,
    status: statusLabelOf(task.status.code),
    facts: task.status,
    ...(reason === undefined ? {} : { reason }),
    description: statusDescription(task.status),
    recommendedActions: recommendedActions(task.status, {
      id,
      kind: task.kind,
      initiator: task.initiator,
      endpoint: task.endpoint,
      restorable: task.restorable,
      scanCapable: task.run.scanCapable,
    }),
    run: task.run.number,
    mode: task.run.mode,
    attempt: task.attempt,
    detections: {
      count: task.detections.count,
      ...(firstSeenAt === undefined ? {} : { firstSeenAt }),
      ...(lastSeenAt === undefined ? {} : { lastSeenAt }),
      ids: [...task.detections.ids],
    },
    threats: [...task.threats],
    ...(task.run.unlistedThreats === undefined ? {} : { unlistedThreats: task.run.unlistedThreats }),
    restorable: [...task.restorable],
    ...(task.cancel === undefined ? {} : { cancel: cancelOf(task.cancel) }),
    ...(task.acknowledged === undefined ? {} : { acknowledged: task.acknowledged }),
    openedAt: task.openedAt,
    updatedAt: task.updatedAt,
    version: task.version,
  };
}

/** What a record on `tasks.v1` says of the task after its event. */
export function taskAfterOf(task: Task): TaskAfter {
  const reason = reasonOf(task.status);
  return {
    kind: task.kind,
    threatKeys: threatKeysOf(task),
    status: task.status.code,
    ...(reason === undefined ? {} : { reason }),
    severity: task.severity,
    endpoint: task.endpoint,
    acknowledged: task.acknowledged !== undefined,
    runOpenedAt: task.run.requestedAt,
    version: task.version,
  };
}

/** Why, where a status has several whys. */
function reasonOf(status: TaskStatus): string | undefined {
  return 'reason' in status ? status.reason : undefined;
}

function threatKeysOf(task: Task): string[] {
  const reported = task.threats.map(({ name, path, sha256 }) =>
    threatKeyOf(
      { name, ...(path === undefined ? {} : { path }), ...(sha256 === undefined ? {} : { sha256 }) },
      task.endpoint.platform,
    ),
  );
  return [...new Set(task.threatKey === undefined ? reported : [task.threatKey, ...reported])];
}

function cancelOf({ requestedAt, outcome }: NonNullable<Task['cancel']>) {
  return outcome === undefined ? { requestedAt } : { requestedAt, outcome };
}
