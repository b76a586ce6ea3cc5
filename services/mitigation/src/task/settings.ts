import type { RunPayload } from '@quell/contracts/run-payload';
import type { RunMode, TaskKind } from '@quell/contracts/vocabulary';

/** The clocks of a task, all in seconds. Source of the defaults: agent-protocol.md, "Clocks, never one". */
export interface ClockSettings {
  /** Due for hand-out and no contact with its agent. */
  readonly queueSeconds: number;
  /** From the request to the run's first acceptance, whatever the reason. */
  readonly totalWaitSeconds: number;
  /** First acceptance to result, for runs with named targets. */
  readonly targetedRunSeconds: number;
  /** First acceptance to result, for scans and threat mitigation without path or hash. */
  readonly scanRunSeconds: number;
  /** A lease without a sign of life for so long is not renewed any more. */
  readonly leaseSeconds: number;
  /** A lease without a sign of life for so long gets a probe. */
  readonly unresponsiveSeconds: number;
  /** What a silent run of a kind other than threat mitigation gets on top, to answer the probe. */
  readonly probeSeconds: number;
}

export const defaultClocks: ClockSettings = {
  queueSeconds: 3600,
  totalWaitSeconds: 86_400,
  targetedRunSeconds: 600,
  scanRunSeconds: 14_400,
  leaseSeconds: 90,
  unresponsiveSeconds: 300,
  probeSeconds: 600,
};

/** How long a run may take once accepted. */
export function runTimeoutSeconds(clocks: ClockSettings, mode: RunMode, payload: Pick<RunPayload, 'targets'>): number {
  if (mode === 'rollback') return clocks.targetedRunSeconds;
  const named = payload.targets.some(({ path, sha256 }) => path !== undefined || sha256 !== undefined);
  return mode !== 'scan' && named ? clocks.targetedRunSeconds : clocks.scanRunSeconds;
}

const modes: Readonly<Record<TaskKind, readonly RunMode[]>> = {
  'threat-mitigation': ['assess', 'mitigate', 'rollback'],
  'user-initiated-event': ['mitigate', 'rollback'],
  'on-demand-scan': ['scan', 'rollback'],
  'post-installation-scan': ['scan', 'rollback'],
};

/** Whether a task of this kind ever has a run in this mode. Source: statuses.md, "Modes by kind". */
export function runsInMode(kind: TaskKind, mode: RunMode): boolean {
  return modes[kind].includes(mode);
}

/** The mode of a task's first run. Only threat mitigation can be told to assess first. */
export function firstMode(kind: TaskKind, assessFirst: boolean): RunMode {
  if (kind === 'threat-mitigation') return assessFirst ? 'assess' : 'mitigate';
  return kind === 'user-initiated-event' ? 'mitigate' : 'scan';
}
