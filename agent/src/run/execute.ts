import { RESULT_LIMIT_BYTES } from '@quell/contracts/agent-protocol';
import type { RunResult } from '@quell/contracts/run-result';
import type { JournalledRun } from '../journal/records.ts';
import { Vault, VaultUnusable } from '../quarantine/vault.ts';
import { choose } from './choose.ts';
import { Cleaner } from './clean.ts';
import { assessedThreats, backupsOf, cleanedThreats } from './compose.ts';
import type { Finding } from './findings.ts';
import { fitResult } from './fit-result.ts';
import { fitText } from './fit-text.ts';
import { isWithinReach, lookFor } from './look-for.ts';
import { type Prepared, prepare } from './prepare.ts';
import { rollBack } from './roll-back.ts';
import { type RunControl, type RunEnvironment, Stopped } from './run-environment.ts';

/** How executing a run ended: with a result, without anything to report, or interrupted, to be resumed at the next start. */
export type Execution =
  | { readonly ended: 'result'; readonly result: RunResult }
  | { readonly ended: 'nothing-done' }
  | { readonly ended: 'interrupted' };

/**
 * Executes a run of the journal, or goes on with one that was interrupted. Whatever it does to files stands in the journal first.
 * Never throws: what is not foreseen is a component error.
 */
export async function execute(key: string, environment: RunEnvironment, control: RunControl): Promise<Execution> {
  const execution = await executed(key, environment, control);
  if (execution.ended !== 'result') return execution;
  return {
    ended: 'result',
    result: fitResult(execution.result, RESULT_LIMIT_BYTES, targetIdsOf(entryOf(key, environment))),
  };
}

async function executed(key: string, environment: RunEnvironment, control: RunControl): Promise<Execution> {
  const findings: Finding[] = [];
  try {
    return { ended: 'result', result: await resultOf(key, environment, control, findings) };
  } catch (error) {
    const entry = entryOf(key, environment);
    const cause = control.signal.reason;
    if (control.signal.aborted && cause instanceof Stopped) return stopped(cause, entry, findings);
    environment.log(`run ${key} failed: ${(error as Error).stack ?? error}`);
    const name = error instanceof VaultUnusable ? 'quarantine' : 'executor';
    const component = { name, version: environment.agentVersion, error: fitText((error as Error).message, 1024) };
    return { ended: 'result', result: { outcome: 'component-error', component, ...actedOn(entry) } };
  }
}

async function resultOf(
  key: string,
  environment: RunEnvironment,
  control: RunControl,
  findings: Finding[],
): Promise<RunResult> {
  const { work } = entryOf(key, environment);
  const { payload, mode } = work;
  if (mode === 'rollback') return rollBack(payload, await openVault(environment), environment, control);
  if (payload.targets.length > 0 && !payload.targets.some(isWithinReach)) return { outcome: 'platform-not-supported' };
  const vault = mode === 'assess' ? undefined : await openVault(environment);
  const cleaner = vault === undefined ? undefined : new Cleaner(key, environment, vault, control);
  await cleaner?.settle();
  const preparation = await prepare(payload, environment);
  if (!preparation.ok) return { ...preparation.fault, ...actedOn(entryOf(key, environment)) };
  const { prepared } = preparation;
  for (const finding of await lookFor(entryOf(key, environment), prepared, environment, control))
    findings.push(finding);
  if (cleaner === undefined) {
    return { outcome: 'assessed', threats: assessedThreats(findings), ...bypassed(prepared) };
  }
  await askUser(key, findings, environment, control);
  const { choices } = entryOf(key, environment);
  const isLeft = (id: string) => choices[id] === 'leave' || choices[id] === 'no-answer';
  const toClean = findings.filter(({ verdict, threatId }) => verdict.is === 'present' && !isLeft(threatId));
  for (const [index, { verdict, threatId }] of toClean.entries()) {
    control.report('cleaning', (100 * index) / toClean.length);
    if (verdict.is === 'present') for (const sighting of verdict.sightings) await cleaner.clean(sighting, threatId);
  }
  const left = new Set(findings.filter(({ threatId }) => isLeft(threatId)).map(({ path }) => path));
  await cleaner.cleanOtherNames((path) => left.has(path));
  const entry = entryOf(key, environment);
  const threats = cleanedThreats(findings, entry, cleaner);
  return { outcome: 'finished', threats, backups: backupsOf(entry), ...bypassed(prepared) };
}

async function askUser(
  key: string,
  findings: readonly Finding[],
  environment: RunEnvironment,
  control: RunControl,
): Promise<void> {
  const { work, choices } = entryOf(key, environment);
  if (!work.payload.choose || work.kind !== 'on-demand-scan') return;
  const open = findings.filter(({ verdict, threatId }) => verdict.is === 'present' && choices[threatId] === undefined);
  const said = await choose(work.taskId, open, work.payload.promptTimeoutSeconds, environment, control);
  if (open.length > 0) await environment.journal.append({ type: 'chosen', key, choices: said });
}

/** Opened for each run: a vault that was repaired since works again, and one that broke is noticed. */
async function openVault({ stateDir }: RunEnvironment): Promise<Vault> {
  try {
    return await Vault.open(stateDir);
  } catch (error) {
    throw error instanceof VaultUnusable ? error : new VaultUnusable((error as Error).message);
  }
}

function stopped({ stopCause }: Stopped, entry: JournalledRun, findings: readonly Finding[]): Execution {
  if (stopCause === 'shutdown') return { ended: 'interrupted' };
  if (stopCause === 'cancelled') return { ended: 'result', result: { outcome: 'stopped', ...actedOn(entry) } };
  if (!entry.items.some(({ end }) => end?.outcome === 'taken')) return { ended: 'nothing-done' };
  // The server takes one late result of a run it gave up: without it nobody would know what can be rolled back.
  const known = cleanedThreats(findings, entry, { why: 'the run was over before this was dealt with' });
  const answered = new Set(known.map(({ id }) => id));
  const missing = entry.work.payload.targets
    .filter(({ id }) => !answered.has(id))
    .map(({ id, name, path }) => ({
      id,
      name: name ?? path ?? id,
      ...(path === undefined ? {} : { path }),
      outcome: 'failed' as const,
      error: 'the run was over before this was dealt with',
    }));
  const threats = [...known, ...missing];
  return { ended: 'result', result: { outcome: 'finished', threats, backups: backupsOf(entry) } };
}

/** What a run that did not finish has done so far; its backups must be known to the server. */
function actedOn(entry: JournalledRun): Pick<RunResult, 'threats' | 'backups'> {
  const backups = backupsOf(entry);
  return backups.length === 0 ? {} : { threats: cleanedThreats([], entry), backups };
}

function bypassed({ query }: Prepared): Pick<RunResult, 'bypassedFiles'> {
  return query === undefined || query.bypassedFiles === 0 ? {} : { bypassedFiles: query.bypassedFiles };
}

/** What a finished run has to answer for one by one. */
export function targetIdsOf({ work }: JournalledRun): ReadonlySet<string> {
  return new Set(work.payload.targets.map(({ id }) => id));
}

function entryOf(key: string, { journal }: RunEnvironment): JournalledRun {
  const entry = journal.state.get(key);
  if (entry === undefined) throw new Error(`the journal does not know ${key}`);
  return entry;
}
