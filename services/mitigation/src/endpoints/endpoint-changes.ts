import type { Log } from '@quell/service-kit/log';
import type { ClientBase, Pool } from 'pg';
import { v7 as uuidv7 } from 'uuid';

/** A change of one endpoint: `enrolled` its first agent; `replaced` another agent took over; `host-changed` names or addresses came or went. */
interface MachineChange {
  readonly changeId: string;
  readonly reason: 'enrolled' | 'replaced' | 'host-changed';
  readonly endpointId: string;
  /** The agent that enrolled. */
  readonly agentId?: string;
  /** The agent whose place it took. */
  readonly replacedAgentId?: string;
  readonly changedAt: Date;
}

/** What the registry knows of devices changed; they may be no endpoints yet. */
interface DevicesChange {
  readonly changeId: string;
  readonly reason: 'device-appeared';
  /** What detections that are about them may be found by, before or after the change: see `hintKey`. Never empty. */
  readonly identifiers: readonly string[];
  readonly changedAt: Date;
}

export type EndpointChange = MachineChange | DevicesChange;
type NewChange = Omit<MachineChange, 'changeId'> | Omit<DevicesChange, 'changeId'>;

/**
 * Acts on a change in transactions of its own: an append has to be the first write of its transaction, and the change was written
 * before. It is called again after a failure or a crash, so it must be idempotent (ids made by uuidv5 from `changeId`).
 */
export type EndpointChangeHandler = (change: EndpointChange) => Promise<void>;

/** As {@link EndpointChangeHandler}, once for all changes that are due together. Never called without any. */
export type EndpointChangesHandler = (changes: readonly EndpointChange[]) => Promise<void>;

/** Leaves a change to be handled, in the transaction that makes it: what follows from it survives a crash. */
export async function enqueueEndpointChange<Change extends NewChange>(
  client: ClientBase,
  change: Change,
): Promise<Change & { readonly changeId: string }> {
  const changeId = uuidv7();
  const about: NewChange = change;
  const machine = about.reason === 'device-appeared' ? undefined : about;
  const identifiers = about.reason === 'device-appeared' ? about.identifiers : null;
  await client.query(
    `INSERT INTO mitigation.endpoint_change
       (change_id, endpoint_id, reason, agent_id, replaced_agent_id, identifiers, changed_at, due_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, now())`,
    [
      changeId,
      machine?.endpointId,
      change.reason,
      machine?.agentId,
      machine?.replacedAgentId,
      identifiers,
      change.changedAt,
    ],
  );
  return { changeId, ...change };
}

// The claim is a time, not a lock: a lock would hold a transaction open over the handlers, and the feed waits for those.
const CLAIM = `
  UPDATE mitigation.endpoint_change
  SET attempts = attempts + 1, due_at = now() + make_interval(secs => least(60, 5 * 2 ^ least(attempts, 10)))
  WHERE change_id IN (
    SELECT change_id FROM mitigation.endpoint_change WHERE due_at <= now() ORDER BY changed_at LIMIT 1000 FOR UPDATE SKIP LOCKED
  )
  RETURNING change_id, endpoint_id, reason, agent_id, replaced_agent_id, identifiers, changed_at`;

interface Row {
  readonly change_id: string;
  readonly endpoint_id: string | null;
  readonly reason: EndpointChange['reason'];
  readonly agent_id: string | null;
  readonly replaced_agent_id: string | null;
  readonly identifiers: string[] | null;
  readonly changed_at: Date;
}

/** Hands changes of endpoints to whoever has to act on them, at least once. */
export class EndpointChanges {
  readonly #pool: Pool;
  readonly #log: Log;
  readonly #handlers: { readonly name: string; readonly handle: EndpointChangeHandler }[] = [];
  readonly #togetherHandlers: { readonly name: string; readonly handle: EndpointChangesHandler }[] = [];
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(pool: Pool, log: Log) {
    this.#pool = pool;
    this.#log = log;
  }

  /** Handlers run one after the other, in the order they were added; `name` shows in the log. */
  onEndpointChanged(name: string, handle: EndpointChangeHandler): void {
    this.#handlers.push({ name, handle });
  }

  /** Handlers of all changes that are due, after those of each change; what one of those failed on is left out. */
  onEndpointsChanged(name: string, handle: EndpointChangesHandler): void {
    this.#togetherHandlers.push({ name, handle });
  }

  /** Handles everything that is due; resolves when nothing is. A failed change stays and is due again later. */
  deliver(): Promise<void> {
    this.#running = this.#running.then(() => this.#deliverDue());
    return this.#running;
  }

  /** Looks for changes that another replica, or a consumer, left behind, every `intervalMs` (default 1,000). */
  start(intervalMs = 1000): void {
    this.#timer = setInterval(() => void this.deliver(), intervalMs);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#running;
  }

  async #deliverDue(): Promise<void> {
    try {
      for (;;) {
        const { rows } = await this.#pool.query<Row>(CLAIM);
        if (rows.length === 0) return;
        const changes: EndpointChange[] = [];
        for (const change of rows.map(changeOf)) {
          if (await this.#run(this.#handlers, change)) changes.push(change);
        }
        if (changes.length > 0 && (await this.#run(this.#togetherHandlers, changes))) await this.#forget(changes);
      }
    } catch (err) {
      this.#log.warn({ err }, 'endpoint changes could not be read');
    }
  }

  /** Whether every handler went through. */
  async #run<Given>(
    handlers: readonly { readonly name: string; readonly handle: (given: Given) => Promise<void> }[],
    given: Given,
  ): Promise<boolean> {
    for (const { name, handle } of handlers) {
      try {
        await handle(given);
      } catch (err) {
        this.#log.error({ err, handler: name }, 'changes of endpoints could not be handled; they are tried again');
        return false;
      }
    }
    return true;
  }

  async #forget(changes: readonly EndpointChange[]): Promise<void> {
    await this.#pool.query('DELETE FROM mitigation.endpoint_change WHERE change_id = ANY($1::uuid[])', [
      changes.map(({ changeId }) => changeId),
    ]);
  }
}

function changeOf(row: Row): EndpointChange {
  const { change_id: changeId, reason, changed_at: changedAt } = row;
  // A check of the table: it is a change of an endpoint, or of devices.
  if (reason === 'device-appeared') return { changeId, reason, changedAt, identifiers: row.identifiers! };
  return {
    changeId,
    reason,
    changedAt,
    endpointId: row.endpoint_id!,
    ...(row.agent_id === null ? {} : { agentId: row.agent_id }),
    ...(row.replaced_agent_id === null ? {} : { replacedAgentId: row.replaced_agent_id }),
  };
}
