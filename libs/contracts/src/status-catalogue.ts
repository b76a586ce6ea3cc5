import { z } from 'zod';
import { recommendedAction, type StatusGroup, type StatusLabel, statusCode, statusGroup } from './task.ts';
import type { StatusCode } from './task-status.ts';
import { type TaskInitiator, type TaskKind, taskInitiator, taskKind } from './vocabulary.ts';

/** A kind of task that can reach a status; with `initiator`, only when that party asked for it. */
export type Reach = { kind: TaskKind; initiator?: TaskInitiator };

/** What is true of a status whatever the task: the 23 rows of the source's table. */
export type StatusEntry = {
  /** 1–23, in the order in which the source lists them. */
  number: number;
  code: StatusCode;
  /** The name users know, kept letter for letter. */
  label: string;
  group: StatusGroup;
  kinds: readonly Reach[];
  actionRequired: boolean;
  /** What the status means. */
  description: string;
};

const anyKind: readonly Reach[] = taskKind.options.map((kind) => ({ kind }));
const mitigationOnly: readonly Reach[] = [{ kind: 'threat-mitigation' }];
const userScanOnly: readonly Reach[] = [{ kind: 'on-demand-scan', initiator: 'user' }];

type Row = Omit<StatusEntry, 'number' | 'actionRequired'>;

const noActionRequired: readonly Row[] = [
  {
    code: 'mitigation-in-progress',
    label: 'Mitigation in progress',
    group: 'in-progress',
    kinds: anyKind,
    description:
      'The task is open: it waits for the agent of its endpoint, or the agent is working on it. Nothing final is known yet.',
  },
  {
    code: 'all-threats-resolved',
    label: 'Resolved threats: All threats resolved',
    group: 'resolved',
    kinds: anyKind,
    description: 'The agent finished, and every threat on the endpoint was dealt with.',
  },
  {
    code: 'security-software-took-action',
    label: 'Resolved threats: Endpoint security software took action',
    group: 'resolved',
    kinds: mitigationOnly,
    description: 'Security software on the endpoint dealt with the threat before the agent could.',
  },
  {
    code: 'threat-no-longer-exists',
    label: 'Resolved threats: Threat no longer exists',
    group: 'resolved',
    kinds: mitigationOnly,
    description: 'When the agent came to clean up, the reported threat was no longer on the endpoint.',
  },
  {
    code: 'potential-threat-resolved',
    label: 'Resolved threats: Potential threat resolved',
    group: 'resolved',
    kinds: mitigationOnly,
    description: 'The agent examined the suspicious item during cleanup and confirmed that it is safe.',
  },
  {
    code: 'no-threat-found',
    label: 'Scanned endpoint: No threat found',
    group: 'scanned',
    kinds: anyKind,
    description: 'The agent scanned the endpoint and found no threat.',
  },
  {
    code: 'rollback-successful',
    label: 'Rollback successful',
    group: 'rollback',
    kinds: anyKind,
    description: 'Everything that the mitigation had changed was put back from its backups.',
  },
];

const actionRequired: readonly Row[] = [
  {
    code: 'manual-cleanup-needed',
    label: 'Assessed endpoint: Manual cleanup needed',
    group: 'assessed',
    kinds: mitigationOnly,
    description:
      'The agent assessed the endpoint and found threats. It cleaned nothing, because the policy leaves the start of a cleanup to you.',
  },
  {
    code: 'mitigation-exception',
    label: 'No mitigation: Mitigation exception',
    group: 'no-mitigation',
    kinds: anyKind,
    description: 'The task was not carried out, because an entry of the mitigation exception list covers the endpoint.',
  },
  {
    code: 'selected-threats-resolved',
    label: 'Resolved threats: All selected threats resolved',
    group: 'resolved',
    kinds: userScanOnly,
    description: 'Every threat that the user chose was resolved. The user left the others as they are.',
  },
  {
    code: 'no-action-on-threats',
    label: 'Scanned endpoint: No action performed on threats',
    group: 'scanned',
    kinds: userScanOnly,
    description: 'The scan found threats and let the user choose. The user left all of them as they are.',
  },
  {
    code: 'mitigation-timeout',
    label: 'Unsuccessful: Mitigation timeout',
    group: 'unsuccessful',
    kinds: mitigationOnly,
    description: 'The agent took the task on and did not finish it within the time limit of a run.',
  },
  {
    code: 'cannot-connect-to-endpoint',
    label: 'Unsuccessful: Cannot connect to endpoint',
    group: 'unsuccessful',
    kinds: anyKind,
    description:
      'The task was ready for the agent of the endpoint, but the agent made no contact until the waiting time was over.',
  },
  {
    code: 'platform-not-supported',
    label: 'Unsuccessful: Cannot run mitigation task on platform',
    group: 'unsuccessful',
    kinds: anyKind,
    description: 'The agent is running, but the operating system of the endpoint does not support this task.',
  },
  {
    code: 'incomplete-task',
    label: 'Unsuccessful: Incomplete task',
    group: 'unsuccessful',
    kinds: anyKind,
    description: 'The task was pending and could not be resumed or brought to an end.',
  },
  {
    code: 'not-all-threats-resolved',
    label: 'Unsuccessful: Not all threats resolved',
    group: 'unsuccessful',
    kinds: anyKind,
    description: 'The agent finished, and at least one threat is still on the endpoint.',
  },
  {
    code: 'not-all-selected-threats-resolved',
    label: 'Unsuccessful: Not all selected threats resolved',
    group: 'unsuccessful',
    kinds: userScanOnly,
    description: 'At least one threat that the user chose could not be resolved. The user left others as they are.',
  },
  {
    code: 'agent-component-restart-required',
    label: 'Unsuccessful: Agent component problem',
    group: 'unsuccessful',
    kinds: mitigationOnly,
    description: 'The agent uses components that work only after the endpoint has restarted.',
  },
  {
    code: 'agent-component-error',
    label: 'Unsuccessful: Agent component error',
    group: 'unsuccessful',
    kinds: anyKind,
    description: 'The agent could not do the task, because a component that it uses failed.',
  },
  {
    code: 'corrupted-configuration',
    label: 'Unsuccessful: Corrupted configuration file',
    group: 'unsuccessful',
    kinds: anyKind,
    description: 'A configuration file that the task needs is damaged.',
  },
  {
    code: 'pattern-not-found',
    label: 'Unsuccessful: Pattern not found',
    group: 'unsuccessful',
    kinds: anyKind,
    description: 'A custom pattern that the task needs is not available.',
  },
  {
    code: 'cannot-send-scan-query',
    label: 'Unsuccessful: Cannot send scan query',
    group: 'unsuccessful',
    kinds: anyKind,
    description: 'The task could not start, because the agent reached no service that answers scan queries.',
  },
  {
    code: 'rollback-unsuccessful',
    label: 'Rollback unsuccessful',
    group: 'rollback',
    kinds: anyKind,
    description: 'At least one file, registry key or service could not be put back from its backup.',
  },
];

/** The 23 statuses in the source's order: first the 7 that ask for nothing, then the 16 that ask for an action. */
export const statusCatalogue: readonly StatusEntry[] = [
  ...noActionRequired.map((row) => ({ ...row, actionRequired: false })),
  ...actionRequired.map((row) => ({ ...row, actionRequired: true })),
].map((row, index) => ({ number: index + 1, ...row }));

const statusByCode = Object.fromEntries(statusCatalogue.map((entry) => [entry.code, entry])) as Readonly<
  Record<StatusCode, StatusEntry>
>;

/** The catalogue's row of a status. */
export function statusEntry(code: StatusCode): StatusEntry {
  return statusByCode[code];
}

/** The part of a status that a task carries (`TaskDto.status`). */
export function statusLabelOf(code: StatusCode): StatusLabel {
  const { label, group, actionRequired } = statusByCode[code];
  return { code, label, group, actionRequired };
}

/** Whether a task of this kind, asked for by this party, may ever have the status. Source: the task column of the source's table. */
export function canReach(code: StatusCode, kind: TaskKind, initiator: TaskInitiator): boolean {
  return statusByCode[code].kinds.some(
    (reach) => reach.kind === kind && (reach.initiator === undefined || reach.initiator === initiator),
  );
}

/** One row of `GET /v1/task-statuses`. The `href` and `command` of its actions are templates: `{taskId}` stands for a task's id. */
export const taskStatusItem = z.object({
  number: z.int().min(1).max(23),
  code: statusCode,
  label: z.string(),
  group: statusGroup,
  kinds: z.array(z.object({ kind: taskKind, initiator: taskInitiator.optional() })),
  actionRequired: z.boolean(),
  description: z.string(),
  recommendedActions: z.array(recommendedAction),
});
export const taskStatusList = z.object({ items: z.array(taskStatusItem) });
export type TaskStatusList = z.infer<typeof taskStatusList>;
