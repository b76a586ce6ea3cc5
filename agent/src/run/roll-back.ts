import type { RunPayload } from '@quell/contracts/run-payload';
import type { RollbackItem, RunResult } from '@quell/contracts/run-result';
import { restore } from '../quarantine/restore.ts';
import type { Vault } from '../quarantine/vault.ts';
import { type RunControl, type RunEnvironment, type StopCause, Stopped } from './run-environment.ts';

/** Puts back every item handed out and answers for each. Items an earlier, interrupted pass restored stay restored. */
export async function rollBack(
  payload: RunPayload,
  vault: Vault,
  environment: RunEnvironment,
  control: RunControl,
): Promise<RunResult> {
  const wanted = payload.items ?? [];
  const items: RollbackItem[] = [];
  for (const [index, item] of wanted.entries()) {
    const cause = stopCauseOf(control);
    if (cause === 'shutdown') throw control.signal.reason;
    if (cause !== undefined) {
      items.push({ id: item.id, restored: false, reason: 'other', detail: `not restored: the run was ${cause}` });
      continue;
    }
    control.report('restoring', (100 * index) / wanted.length);
    if (item.kind !== 'file') {
      items.push({
        id: item.id,
        restored: false,
        reason: 'other',
        detail: `${item.kind} items are not supported here`,
      });
      continue;
    }
    items.push(await restore(item.id, { roots: environment.roots, vault, now: environment.now() }));
  }
  // What was put back before a stop is said all the same: it cannot be restored a second time.
  if (stopCauseOf(control) === 'cancelled') return { outcome: 'stopped', items };
  return { outcome: items.every(({ restored }) => restored) ? 'rolled-back' : 'rollback-failed', items };
}

function stopCauseOf({ signal }: RunControl): StopCause | undefined {
  return signal.reason instanceof Stopped ? signal.reason.stopCause : undefined;
}
