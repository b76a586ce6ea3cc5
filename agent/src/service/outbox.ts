import { setTimeout as delay } from 'node:timers/promises';
import {
  type AttemptEvent,
  attemptEventsResponse,
  type EventOutcome,
  RESULT_LIMIT_BYTES,
} from '@quell/contracts/agent-protocol';
import { type RetryLimits, retryDelaySeconds } from '../transport/backoff.ts';
import type { ServerLink } from '../transport/server-link.ts';

/** An event on its way to the server. `key` is the run's key in the journal. */
export interface Outgoing {
  readonly key: string;
  readonly taskId: string;
  readonly attempt: number;
  readonly event: AttemptEvent;
}

const BATCH = 100;
/** Longest batch: the largest result, and some room for what goes with it. */
const BATCH_BYTES = RESULT_LIMIT_BYTES + 512 * 1024;
/** What a check-in may carry of them: it must always get through. */
const CHECK_IN_BYTES = 256 * 1024;

/** What the outbox does with the server's answers. */
export interface OutboxOwner {
  onAnswer(outgoing: Outgoing, code: number): Promise<void>;
  /** An event in fewer bytes, when it was refused as too large; undefined when there is no shorter one. */
  shorter(outgoing: Outgoing): Outgoing | undefined;
}

/**
 * Events not yet answered, in order. Sent as they come; after a failure they also travel with the next check-in. Kept in memory only:
 * what must survive, acceptances and results, is made again from the journal with the same ids.
 */
export class Outbox {
  private readonly link: ServerLink;
  private readonly limits: RetryLimits;
  private readonly owner: OutboxOwner;
  private readonly log: (line: string) => void;
  private queue: Outgoing[] = [];
  private isTrying = false;
  private failures = 0;
  private batchSize = BATCH;
  private readonly sizes = new WeakMap<Outgoing, number>();
  private readonly watchers = new Set<() => void>();

  constructor(link: ServerLink, limits: RetryLimits, log: (line: string) => void, owner: OutboxOwner) {
    this.link = link;
    this.limits = limits;
    this.log = log;
    this.owner = owner;
  }

  /** Adds an event. A newer progress replaces an older one; the same event again changes nothing. */
  put(outgoing: Outgoing): void {
    if (this.queue.some(({ event }) => event.eventId === outgoing.event.eventId)) return;
    if (outgoing.event.type === 'progress') {
      this.queue = this.queue.filter(({ key, event }) => key !== outgoing.key || event.type !== 'progress');
    }
    this.queue.push(outgoing);
    this.changed();
  }

  get waiting(): readonly Outgoing[] {
    return this.queue;
  }

  /** Those that may travel with a check-in. A large result goes on its own. */
  forCheckIn(): readonly Outgoing[] {
    return this.within(CHECK_IN_BYTES, BATCH, this.queue);
  }

  /** Resolves once nothing waits, or the server could not be reached for what does. */
  async settled(): Promise<void> {
    while (this.isTrying || (this.queue.length > 0 && this.failures === 0)) await this.change();
  }

  /** Takes the server's answers to events, from whichever call they came with. */
  async settle(outcomes: readonly EventOutcome[]): Promise<void> {
    for (const { eventId, code, errors } of outcomes) {
      const outgoing = this.queue.find(({ event }) => event.eventId === eventId);
      if (outgoing === undefined) continue;
      const why = errors?.map(({ pointer, detail }) => `${pointer} ${detail}`).join('; ') ?? '';
      if (code !== 200) this.log(`${outgoing.event.type} of ${outgoing.key}: ${code} ${why}`);
      await this.owner.onAnswer(outgoing, code);
      this.queue = this.queue.filter((other) => other !== outgoing);
    }
    this.changed();
  }

  /** Sends until the signal is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    signal.addEventListener('abort', () => this.changed(), { once: true });
    while (!signal.aborted) {
      const first = this.queue[0];
      if (first === undefined) {
        await this.change();
        continue;
      }
      this.isTrying = true;
      const retryAfterSeconds = await this.trySend(first, signal);
      this.isTrying = false;
      this.changed();
      if (this.failures === 0) continue;
      const seconds = retryDelaySeconds(this.failures - 1, this.limits, Math.random(), retryAfterSeconds);
      await delay(seconds * 1000, undefined, { signal }).catch(() => {});
    }
  }

  private async trySend({ taskId, attempt }: Outgoing, signal: AbortSignal): Promise<number | undefined> {
    const ofAttempt = this.queue.filter((item) => item.taskId === taskId && item.attempt === attempt);
    const fitting = this.within(BATCH_BYTES, this.batchSize, ofAttempt);
    const batch = fitting.length > 0 ? fitting : ofAttempt.slice(0, 1);
    const path = `/v1/tasks/${taskId}/attempts/${attempt}/events`;
    const reply = await this.link.call('POST', path, { body: { events: batch.map(({ event }) => event) }, signal });
    if (reply.kind === 'answered') {
      const answer = attemptEventsResponse.safeParse(reply.body);
      const answered = new Set(answer.data?.outcomes.map(({ eventId }) => eventId));
      this.failures = batch.every(({ event }) => answered.has(event.eventId)) ? 0 : this.failures + 1;
      this.batchSize = BATCH;
      await this.settle(answer.data?.outcomes ?? []);
      return undefined;
    }
    if (reply.kind === 'refused' && reply.status === 413 && batch.length > 1) {
      // One event too large must not cost the others.
      this.batchSize = 1;
      return undefined;
    }
    if (reply.kind === 'refused' && reply.status === 413 && batch[0]?.event.type === 'result') {
      return this.shorten(batch[0]);
    }
    this.batchSize = BATCH;
    if (reply.kind === 'refused' && reply.problem !== 'urn:quell:problem:identity-conflict') {
      this.failures = 0;
      this.log(`events of ${taskId}: ${reply.detail}`);
      for (const outgoing of batch) await this.owner.onAnswer(outgoing, reply.status);
      this.queue = this.queue.filter((item) => !batch.includes(item));
      return undefined;
    }
    this.failures += 1;
    if (!signal.aborted) this.log(`events not sent: ${reply.detail}`);
    return reply.kind === 'later' ? reply.retryAfterSeconds : undefined;
  }

  /** The server has not seen a result that was too large: it goes again, shorter, and stays here when it cannot be. */
  private shorten(refused: Outgoing): undefined {
    const shorter = this.owner.shorter(refused);
    this.log(
      `result of ${refused.key}: too large for the server${shorter === undefined ? '' : ', sent again in fewer bytes'}`,
    );
    const others = this.queue.filter((item) => item !== refused);
    if (shorter === undefined) this.failures += 1;
    // One that never gets through must not keep the others back.
    this.queue = shorter === undefined ? [...others, refused] : [shorter, ...others];
  }

  /** Some events in order, as many as these limits take. */
  private within(maxBytes: number, maxCount: number, events: readonly Outgoing[]): Outgoing[] {
    let room = maxBytes;
    const taken: Outgoing[] = [];
    for (const outgoing of events) {
      if (taken.length === maxCount) break;
      const bytes = this.sizeOf(outgoing);
      if (bytes > room) continue;
      room -= bytes;
      taken.push(outgoing);
    }
    return taken;
  }

  private sizeOf(outgoing: Outgoing): number {
    const known = this.sizes.get(outgoing) ?? Buffer.byteLength(JSON.stringify(outgoing.event)) + 1;
    this.sizes.set(outgoing, known);
    return known;
  }

  private changed(): void {
    for (const watcher of [...this.watchers]) watcher();
  }

  private change(): Promise<void> {
    return new Promise((resolve) => {
      const watcher = () => {
        this.watchers.delete(watcher);
        resolve();
      };
      this.watchers.add(watcher);
    });
  }
}
