import { setTimeout as delay } from 'node:timers/promises';
import type { VpnDecisionInputs } from '@quell/contracts/vpn-decision';
import type { VpnDecision } from '@quell/contracts/vpn-policy-api';
import type { Log } from '@quell/service-kit/log';
import { LRUCache } from 'lru-cache';
import type { Pool } from 'pg';
import { type KeptDecision, keptDecision } from './kept-decision.ts';
import { isSampled } from './sample.ts';
import { writeDecisions } from './write-decisions.ts';

export interface DecisionLogSettings {
  /** The part of decisions that is kept, from 0 to 1. */
  readonly sample: number;
  /** Most decisions that wait to be written; those beyond are counted and lost. */
  readonly waiting: number;
}

const BATCH = 500;
const PAUSE_MS = 100;
const RETRY_MS = 1000;
const REMEMBERED_DEVICES = 100_000;

/**
 * Keeps decisions without making anybody wait: they are written in batches behind the answers. A device's decision that is not the one before
 * is kept whatever the sample says. Nothing is lost silently: what finds the queue full is counted, and a database that is away is waited for.
 */
export class DecisionLog {
  readonly #pool: Pool;
  readonly #log: Log;
  readonly #settings: DecisionLogSettings;
  readonly #onWritten: () => void;
  readonly #last = new LRUCache<string, string>({ max: REMEMBERED_DEVICES });
  readonly #stop = new AbortController();
  #queue: KeptDecision[] = [];
  #writing: Promise<void> | undefined;
  #lost = 0;

  /** @param onWritten told after each batch: there is something to publish */
  constructor(pool: Pool, log: Log, settings: DecisionLogSettings, onWritten: () => void = () => undefined) {
    this.#pool = pool;
    this.#log = log;
    this.#settings = settings;
    this.#onWritten = onWritten;
  }

  /** How many wait to be written, and how many were lost since the start. */
  get figures(): { readonly waiting: number; readonly lost: number } {
    return { waiting: this.#queue.length, lost: this.#lost };
  }

  /** Notes a decision by a stored policy, if it is among those that are kept. Returns at once; never fails. */
  keep(decision: VpnDecision, inputs: VpnDecisionInputs): void {
    const { deviceId, policy, answer } = decision;
    if (policy === null || answer === null || policy.version === 'draft') return;
    const { sample } = this.#settings;
    const changed = deviceId !== undefined && this.#isChange(deviceId, decision);
    const question = () => JSON.stringify([deviceId, policy.policyId, policy.version, inputs]);
    if (!changed && sample < 1 && !isSampled(sample, question())) return;
    const kept = keptDecision(decision, inputs);
    if (kept !== undefined) this.add(kept);
  }

  /** Notes what was chosen to be kept already. */
  add(kept: KeptDecision): void {
    if (this.#queue.length >= this.#settings.waiting) {
      if (this.#lost++ % 1000 === 0)
        this.#log.error({ lost: this.#lost }, 'decisions are lost: too many wait to be written');
      return;
    }
    this.#queue.push(kept);
    this.#writing ??= this.#write();
  }

  /** Waits until all that was noted is written, or the database has been away for `seconds`. */
  async close(seconds = 5): Promise<void> {
    const impatience = setTimeout(() => this.#stop.abort(), seconds * 1000);
    while (this.#writing !== undefined) await this.#writing;
    clearTimeout(impatience);
    if (this.#queue.length > 0)
      this.#log.error({ lost: this.#queue.length }, 'decisions are lost: they could not be written');
  }

  #isChange(deviceId: string, { policy, answer }: VpnDecision): boolean {
    const decided = answer === null ? '' : 'action' in answer ? answer.action : answer.decision;
    const said = `${policy?.policyId} ${decided} ${answer?.reason}`;
    const before = this.#last.get(deviceId);
    this.#last.set(deviceId, said);
    return before !== said;
  }

  async #write(): Promise<void> {
    // A moment for others to join the batch.
    await delay(PAUSE_MS);
    while (this.#queue.length > 0) {
      const batch = this.#queue.slice(0, BATCH);
      try {
        for (const { record } of await writeDecisions(this.#pool, batch)) {
          this.#lost++;
          this.#log.error({ decision: record.id }, 'a decision is lost: the database refuses it');
        }
        this.#queue = this.#queue.slice(batch.length);
        this.#onWritten();
      } catch (err) {
        if (this.#stop.signal.aborted) break;
        this.#log.warn({ err, waiting: this.#queue.length }, 'decisions could not be written yet');
        await delay(RETRY_MS, undefined, { signal: this.#stop.signal }).catch(() => undefined);
      }
    }
    this.#writing = undefined;
  }
}
