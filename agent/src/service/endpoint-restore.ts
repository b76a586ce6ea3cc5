import { type AgentTaskRequest, agentTaskResponse } from '@quell/contracts/agent-protocol';
import { MAX_LISTED, type RunResult } from '@quell/contracts/run-result';
import { v4 as uuidv4 } from 'uuid';
import type { JournalledRun } from '../journal/records.ts';
import { isResultPending, isUnfinished, isUnknownToServer } from '../journal/replay.ts';
import { type Manifest, Vault } from '../quarantine/vault.ts';
import type { RunEnvironment } from '../run/run-environment.ts';
import type { Reply, ServerLink } from '../transport/server-link.ts';
import type { RunBoard } from './run-board.ts';

/**
 * What the endpoint's user is told about a restore. `server`: it knows of it; it could not be reached and hears at next contact; it
 * does not know these backups (yet). `waiting`: backups left for the next restore, which takes as many as one run may have.
 */
export type RestoreAnswer =
  | {
      readonly ok: true;
      readonly result: RunResult;
      readonly server: 'told' | 'unreachable' | 'ignorant';
      readonly waiting: number;
    }
  | { readonly ok: false; readonly detail: string };

/** How long a restore asked for at the endpoint waits for the server before it counts as offline. */
const SERVER_SECONDS = 10;

/** Restores begun on the endpoint: known to the server first when it can be reached, else done at once and told at next contact. */
export class EndpointRestores {
  private readonly environment: RunEnvironment;
  private readonly board: RunBoard;
  private readonly link: ServerLink;
  private turn: Promise<unknown> = Promise.resolve();

  constructor(environment: RunEnvironment, board: RunBoard, link: ServerLink) {
    this.environment = environment;
    this.board = board;
    this.link = link;
  }

  /** Restores the backups of a task, or those named, one request after the other. */
  restore(taskId: string, items: readonly string[]): Promise<RestoreAnswer> {
    const mine = this.turn.then(() => this.restoreNow(taskId, items));
    this.turn = mine.catch(() => {});
    return mine;
  }

  /** Tells the server of restores it does not know yet. A run it has open for that task comes first; then this is tried again. */
  async announce(): Promise<void> {
    const waiting = [...this.environment.journal.state.values()].filter(isUnknownToServer);
    for (const entry of waiting) {
      const reply = await this.ask(entry);
      if (reply.kind === 'refused' && !isUnfinished(entry) && !this.mayTakeLater(entry, reply)) {
        await this.environment.journal.append({ type: 'abandoned', key: entry.key, why: reply.detail });
      }
      this.board.sendResult(entry.key);
    }
  }

  /** Another run of the task ends some time; the backups of a task become known with the result that has not got through yet. */
  private mayTakeLater({ work }: JournalledRun, reply: Extract<Reply, { kind: 'refused' }>): boolean {
    if (!isIgnorant(reply)) return reply.status === 409;
    const others = [...this.environment.journal.state.values()].filter(({ requestId }) => requestId === undefined);
    return others.some((other) => other.work.taskId === work.taskId && isResultPending(other));
  }

  private async restoreNow(taskId: string, items: readonly string[]): Promise<RestoreAnswer> {
    const { journal, stateDir, now } = this.environment;
    const vault = await Vault.open(stateDir);
    const known = await vault.restorableOf(taskId);
    const wanted = items.length === 0 ? known : known.filter(({ backupId }) => items.includes(backupId));
    if (wanted.length === 0) return { ok: false, detail: `nothing to restore for task ${taskId}` };
    const taken = wanted.slice(0, MAX_LISTED);
    await this.board.free();
    const entry = entryFor(taskId, taken, now());
    await journal.append({ type: 'accepted', entry });
    const reply = await this.ask(entry);
    // The backups are this endpoint's own: that the server never heard of them is no reason not to put them back.
    if (reply.kind === 'refused' && !isIgnorant(reply)) {
      await journal.append({ type: 'abandoned', key: entry.key, why: reply.detail });
      return { ok: false, detail: reply.detail };
    }
    await this.board.start(entry.key);
    const result = journal.state.get(entry.key)?.result;
    if (result === undefined) return { ok: false, detail: 'interrupted; the next start of the agent goes on with it' };
    const server = reply.kind === 'answered' ? 'told' : reply.kind === 'later' ? 'unreachable' : 'ignorant';
    return { ok: true, result, server, waiting: wanted.length - taken.length };
  }

  private async ask(entry: JournalledRun): Promise<Reply> {
    const { work, requestId, key } = entry;
    if (requestId === undefined) throw new Error(`${key} was not begun on the endpoint`);
    const items = (work.payload.items ?? []).map(({ id }) => id);
    const body: AgentTaskRequest = { requestId, kind: 'restore', taskId: work.taskId, items };
    const reply = await this.link.call('POST', '/v1/agents/me/tasks', { body, timeoutSeconds: SERVER_SECONDS });
    if (reply.kind !== 'answered') return reply;
    const opened = agentTaskResponse.safeParse(reply.body);
    if (!opened.success) return { kind: 'later', detail: `the server's answer does not fit: ${opened.error.message}` };
    const { run, attempt, items: knownItems } = opened.data;
    const known = knownItems === undefined ? {} : { knownItems };
    await this.environment.journal.append({ type: 'attempt-raised', key, run, attempt, ...known });
    return reply;
  }
}

/** The server has nothing against it: it knows no such task of this endpoint, or none of its items. */
function isIgnorant({ status, problem }: Extract<Reply, { kind: 'refused' }>): boolean {
  return status === 404 || problem === 'urn:quell:problem:nothing-to-restore';
}

function entryFor(taskId: string, wanted: readonly Manifest[], acceptedAt: string): JournalledRun {
  const requestId = uuidv4();
  const items = wanted.map(({ backupId, threatId, path }) => ({
    id: backupId,
    threatId,
    kind: 'file' as const,
    ...(path.length > 4096 || !path.isWellFormed() ? {} : { path }),
  }));
  const payload = { targets: [], patterns: [], choose: false, promptTimeoutSeconds: 300, items };
  return {
    ...{ key: requestId, requestId, acceptedAt, items: [], choices: {}, isCancelAsked: false, isAbandoned: false },
    // The kind of the task plays no part in a rollback, and the vault does not keep it.
    work: { taskId, mode: 'rollback', kind: 'threat-mitigation', payload, leaseSeconds: 90 },
  };
}
