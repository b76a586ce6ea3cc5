import type { Capability } from '@quell/contracts/agent-protocol';
import type { RunPayload, Target } from '@quell/contracts/run-payload';
import type { ReportedThreat, RollbackItem, RunResult, ThreatOutcome } from '@quell/contracts/run-result';
import type { ExpiryCause, TaskEvent } from '@quell/contracts/task-events';
import type { ExceptionMatch } from '@quell/contracts/task-status';
import * as commands from './commands.ts';
import * as deliveries from './deliveries.ts';
import type { Step } from './history.fixture.ts';
import { type Opening, openTask } from './opening.ts';
import { type Report, report } from './reports.ts';
import { defaultClocks } from './settings.ts';
import { userChooses } from './task.ts';

/** The columns of the status table: a kind, with its initiator where that decides what the task can reach. */
export const columns = ['TM', 'UIE', 'ODS-U', 'ODS-A', 'PIS'] as const;
export type Column = (typeof columns)[number];

export const whatItIs = {
  TM: { kind: 'threat-mitigation', initiator: 'source' },
  UIE: { kind: 'user-initiated-event', initiator: 'user' },
  'ODS-U': { kind: 'on-demand-scan', initiator: 'user' },
  'ODS-A': { kind: 'on-demand-scan', initiator: 'administrator' },
  PIS: { kind: 'post-installation-scan', initiator: 'system' },
} as const satisfies Record<Column, Pick<Opening, 'kind' | 'initiator'>>;

export const AGENT = 'a'.repeat(43);
export const OTHER_AGENT = 'b'.repeat(43);
export const everything: readonly Capability[] = ['assess', 'mitigate', 'scan', 'rollback'];
export const exception: ExceptionMatch = { exceptionId: 'ex-1', kind: 'cidr', value: '10.0.0.0/8' };

export const target = (id: string, where: Partial<Target> = { path: `/files/${id}` }): Target => ({
  id,
  kind: 'file',
  name: id,
  ...where,
});

interface OpeningOptions {
  readonly assessFirst?: boolean;
  readonly targets?: Target[];
  readonly exception?: ExceptionMatch;
}

/** Opens a task of a column. Threat mitigation and a user's report name one target, t1; scans name none. */
export function opened(column: Column, options: OpeningOptions = {}): readonly TaskEvent[] {
  const targets = column === 'TM' || column === 'UIE' ? [target('t1')] : [];
  return openedAs(whatItIs[column], { targets, ...options });
}

export function openedAs(
  what: Pick<Opening, 'kind' | 'initiator'>,
  { assessFirst = false, targets = [], exception }: OpeningOptions,
): readonly TaskEvent[] {
  const payload: RunPayload = { targets, patterns: [], choose: userChooses(what), promptTimeoutSeconds: 300 };
  const endpoint = { endpointId: '3f0c2a52-6a0f-4a44-9a53-0d8f9d1c4e11', ips: [] };
  return openTask({ ...what, severity: 3, endpoint, payload }, { assessFirst, clocks: defaultClocks }, exception);
}

const step = (take: Step['take'], reportId?: string): Step => (reportId === undefined ? { take } : { take, reportId });
let reports = 0;

export const handedOut = (options: Partial<Parameters<typeof deliveries.dispatch>[1]> = {}): Step =>
  step((task, now) =>
    deliveries.dispatch(task, { now, agentId: AGENT, capabilities: everything, leaseSeconds: 90, ...options }),
  );

/** A report under the latest attempt, by the agent that holds it, unless `from` says otherwise. */
export function says(said: Report, from: { attempt?: number; agentId?: string; id?: string } = {}): Step {
  const id = from.id ?? `report-${++reports}`;
  return step(
    (task) => report(task, from.attempt ?? task.attempt, from.agentId ?? task.run.agentId ?? AGENT, id, said),
    id,
  );
}
export const accepted = (bootId?: string): Step =>
  says(bootId === undefined ? { type: 'accepted' } : { type: 'accepted', bootId });
export const busy = (notBefore = '2026-01-01T00:00:00.000Z'): Step => says({ type: 'busy', notBefore });
export const reported = (data: RunResult | object): Step => says({ type: 'result', data });
/** One whole delivery of the current run: handed out, accepted, reported. */
export const worked = (data: RunResult | object): Step[] => [handedOut(), accepted(), reported(data)];

export const lost = (reason: deliveries.LostReason = 'unknown-to-agent'): Step =>
  step((task) => deliveries.loseDelivery(task, reason));
export const crashed = (bootId: string): Step => step((task) => deliveries.countCrash(task, bootId));
export const agentReplaced = (): Step => step((task) => deliveries.replaceAgent(task));
export const expired = (cause: ExpiryCause, facts: { limitSeconds?: number; lastContactAt?: string } = {}): Step =>
  step((task) => deliveries.expireRun(task, cause, facts));

export const ranCleanup = (): Step => step((task) => commands.runCleanup(task, defaultClocks));
export const retried = (): Step => step((task) => commands.retry(task, defaultClocks));
export const rolledBack = (): Step => step((task) => commands.rollback(task, defaultClocks));
export const cancelled = (): Step => step((task) => commands.cancel(task));
export const acknowledged = (note?: string): Step => step((task) => commands.acknowledge(task, note));
export const restoredThere = (items?: string[]): Step =>
  step((task) =>
    commands.restoreOnEndpoint(task, defaultClocks, {
      agentId: AGENT,
      scanCapable: true,
      ...(items === undefined ? {} : { items }),
    }),
  );

export const threat = (id: string, outcome: ThreatOutcome, more: Partial<ReportedThreat> = {}): ReportedThreat => ({
  id,
  name: id,
  path: `/files/${id}`,
  outcome,
  ...more,
});
export const finished = (...threats: ReportedThreat[]): RunResult => ({ outcome: 'finished', threats });
export const assessed = (...threats: ReportedThreat[]): RunResult => ({ outcome: 'assessed', threats });
export const backup = (id: string, threatId: string) => ({ id, threatId, kind: 'file' as const, path: `/files/${id}` });
/** A finished run that resolved each of these threats and backed each of them up as `b-<id>`. */
export const resolvedWithBackup = (...ids: string[]): RunResult => ({
  ...finished(...ids.map((id) => threat(id, 'resolved'))),
  backups: ids.map((id) => backup(`b-${id}`, id)),
});
export const restored = (...items: RollbackItem[]): RunResult => ({
  outcome: items.every((item) => item.restored) ? 'rolled-back' : 'rollback-failed',
  items,
});
