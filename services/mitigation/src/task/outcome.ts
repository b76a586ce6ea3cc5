import type { ReportedThreat, RunResult } from '@quell/contracts/run-result';
import type { TaskStatus } from '@quell/contracts/task-status';
import { assertNever } from '@quell/contracts/vocabulary';
import { type Task, userChooses } from './task.ts';
import { mergedThreats } from './threats.ts';

/**
 * What a result of the task's latest run folds to. Total, and apart from what a result must look like to be taken (`result-contract.ts`):
 * a contract that grows stricter must not change what old streams fold to.
 * Source: statuses.md, "The fold when an agent reports the end of a run", rules 0–4.
 */
export function statusOfResult(task: Task, result: RunResult): TaskStatus {
  switch (result.outcome) {
    case 'assessed': {
      const threats = mergedThreats(task, result);
      if (threats.some(({ outcome }) => outcome === 'found')) return { code: 'manual-cleanup-needed' };
      return statusOfThreats(task, threats, result.bypassedFiles);
    }
    case 'finished':
      return statusOfThreats(task, mergedThreats(task, result), result.bypassedFiles);
    case 'rolled-back':
    case 'rollback-failed': {
      const items = (result.items ?? []).filter(({ restored }) => !restored);
      return items.length === 0 ? { code: 'rollback-successful' } : { code: 'rollback-unsuccessful', items };
    }
    case 'stopped':
      return { code: 'incomplete-task', reason: 'cancelled' };
    case 'platform-not-supported':
      return { code: 'platform-not-supported', scanOffered: task.run.scanCapable && task.run.mode !== 'scan' };
    case 'component-restart-required':
      return {
        code: task.kind === 'threat-mitigation' ? 'agent-component-restart-required' : 'agent-component-error',
        ...(result.component === undefined ? {} : { component: result.component }),
      };
    case 'component-error':
      return {
        code: 'agent-component-error',
        ...(result.component === undefined ? {} : { component: result.component }),
      };
    case 'configuration-corrupted':
      return {
        code: 'corrupted-configuration',
        ...(result.configurationFile === undefined ? {} : { configurationFile: result.configurationFile }),
      };
    case 'pattern-not-found':
      return { code: 'pattern-not-found', ...(result.patternId === undefined ? {} : { patternId: result.patternId }) };
    case 'scan-query-unsendable':
      return { code: 'cannot-send-scan-query' };
    default:
      return assertNever(result.outcome);
  }
}

/** Rules 1–4 over all threats of the task. */
function statusOfThreats(task: Task, threats: readonly ReportedThreat[], bypassedFiles?: number): TaskStatus {
  if (threats.length === 0) {
    return { code: 'no-threat-found', ...(bypassedFiles ? { bypassedFiles } : {}) };
  }
  const of = (outcome: ReportedThreat['outcome']) => threats.filter((threat) => threat.outcome === outcome);
  // No result that is taken leaves a threat as found when it finished; were there one, it would not be resolved.
  const failed = [...of('failed'), ...of('found')];
  const left = of('left-by-user');
  if (userChooses(task) && left.length > 0) {
    const unanswered = left.every(({ action }) => action === 'no-answer') ? ({ reason: 'no-answer' } as const) : {};
    if (left.length === threats.length) return { code: 'no-action-on-threats', left, ...unanswered };
    if (failed.length > 0) return { code: 'not-all-selected-threats-resolved', failed, left };
    return { code: 'selected-threats-resolved', left, ...unanswered };
  }
  if (failed.length > 0) return { code: 'not-all-threats-resolved', failed };
  if (of('resolved').length > 0 || task.kind !== 'threat-mitigation') return { code: 'all-threats-resolved' };
  const [handled] = of('handled-by-security-software');
  if (handled !== undefined) {
    return {
      code: 'security-software-took-action',
      ...(handled.by === undefined ? {} : { by: handled.by }),
      ...(handled.action === undefined ? {} : { action: handled.action }),
    };
  }
  return { code: of('gone').length > 0 ? 'threat-no-longer-exists' : 'potential-threat-resolved' };
}
