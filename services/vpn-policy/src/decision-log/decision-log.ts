import { setTimeout as delay, setImmediate } from 'node:timers/promises';
import type { VpnDecisionInputs } from '@quell/contracts/vpn-decision';
import type { VpnDecision } from '@quell/contracts/vpn-policy-api';
import type { Log } from '@quell/service-kit/log';
import { LRUCache } from 'lru-cache';
import type { Pool } from 'pg';
import { type KeptDecision, keptDecision } from './kept-decision.ts';
import { isSampled } from './sample.ts';
import { type DecisionRow, decisionRow, writeDecisions } from './write-decisions.ts';

export interface DecisionLogSettings {
  /** The part of decisions that is kept, from 0 to 1. */
  readonly sample: number;
  /** Whether the answer of a decision that is kept waits until it is written. */
  readonly durable: boolean;
  /** Most decisions that wait to be written, and most characters of their inputs; those beyond are counted and lost. */
  readonly waiting: number;
  readonly waitingCharacters: number;
}

const BATCH = 500;
/** All inputs of a batch are one parameter, which is one string: far from the longest that there can be. */
const BATCH_CHARACTERS = 4 * 1024 * 1024;
/** For how long others may join a batch that no answer waits for. */
const PAUSE_MS = 100;
/** No answer waits longer than this for its decision to be written. */
const PATIENCE_MS = 1000;
const RETRY_MS = 1000;
const REMEMBERED_DEVICES = 100_000;

interface Waiting {
  readonly row: DecisionRow;
  /** By `performance.now()`. */
  readonly since: number;
}

/**
 * Keeps decisions, many in one statement: while a batch is written the next one gathers. Durable, an answer waits for its batch, so that a
 * killed process loses no decision that anybody was told; but where the database is away or behind it is given all the same, counted, and its
 * decision goes on waiting. A device's decision that is not the one before is kept whatever the sample says. What finds the queue full is counted as lost.
 */
export class DecisionLog {
  readonly #pool: Pool;
  readonly #log: Log;
  readonly #settings: DecisionLogSettings;
  readonly #last = new LRUCache<string, string>({ max: REMEMBERED_DEVICES });
  readonly #stop = new AbortController();
  #queue: Waiting[] = [];
  #characters = 0;
  /** What lets the answers go that wait, the longest waiting first. */
  readonly #answers = new Map<Waiting, () => void>();
  #patience: NodeJS.Timeout | undefined;
  #impatience: NodeJS.Timeout | undefined;
  #writing: Promise<void> | undefined;
  /** Since when without a break something is written, by `performance.now()`. */
  #writingSince: number | undefined;
  #isAway = false;
  #lost = 0;
  #early = 0;

  constructor(pool: Pool, log: Log, settings: DecisionLogSettings) {
    this.#pool = pool;
    this.#log = log;
    this.#settings = settings;
  }

  /** How many wait to be written; since the start, how many were lost, and how many answers were given before they were written. */
  get figures(): { readonly waiting: number; readonly lost: number; readonly early: number } {
    return { waiting: this.#queue.length, lost: this.#lost, early: this.#early };
  }

  /** Notes a decision by a stored policy, if it is among those that are kept. @returns what its answer has to wait for; never fails */
  keep(decision: VpnDecision, inputs: VpnDecisionInputs): Promise<void> | undefined {
    const kept = keptDecision(decision, inputs);
    if (kept === undefined) return undefined;
    const { deviceId, policyId, policyVersion } = kept.record;
    const isChange = deviceId !== undefined && this.#isChange(deviceId, decision);
    // Of what is kept of the inputs: what was sent may be deeper than can be written.
    const question = () => JSON.stringify([deviceId, policyId, policyVersion, kept.inputs]);
    const { sample } = this.#settings;
    return isChange || sample >= 1 || isSampled(sample, question()) ? this.add(kept) : undefined;
  }

  /** Notes what was chosen to be kept already. @returns what its answer has to wait for; never fails */
  add(kept: KeptDecision): Promise<void> | undefined {
    const { waiting, waitingCharacters, durable } = this.#settings;
    const row = decisionRow(kept);
    if (this.#queue.length >= waiting || this.#characters + row.inputs.length > waitingCharacters) {
      this.lose('too many wait to be written');
      this.#forget(row);
      return undefined;
    }
    const one: Waiting = { row, since: performance.now() };
    this.#queue.push(one);
    this.#characters += row.inputs.length;
    this.#writing ??= this.#write();
    if (!durable) return undefined;
    if (this.#isAway) {
      this.#early++;
      return undefined;
    }
    return new Promise((resolve) => {
      this.#answers.set(one, resolve);
      this.#bePatient();
    });
  }

  /** Counts a decision that cannot be kept. */
  lose(why: string): void {
    if (this.#lost++ % 1000 === 0) this.#log.error({ lost: this.#lost, why }, 'decisions are lost');
  }

  /** Waits until all that was noted is written, or for `seconds` nothing was. */
  async close(seconds = 5): Promise<void> {
    const { signal } = this.#stop;
    const stopped = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
    this.#impatience = setTimeout(() => this.#stop.abort(), seconds * 1000);
    // A statement on a connection that is dead may never end.
    while (this.#writing !== undefined && !signal.aborted) await Promise.race([this.#writing, stopped]);
    clearTimeout(this.#impatience);
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

  /** What was not kept of a device is no decision before the next one. */
  #forget({ record }: DecisionRow): void {
    if (record.deviceId !== undefined) this.#last.delete(record.deviceId);
  }

  async #write(): Promise<void> {
    await (this.#settings.durable ? setImmediate() : delay(PAUSE_MS));
    this.#writingSince = performance.now();
    this.#bePatient();
    while (this.#queue.length > 0) {
      const batch = this.#nextBatch();
      try {
        const refused = await writeDecisions(
          this.#pool,
          batch.map(({ row }) => row),
        );
        for (const row of refused) {
          this.#lost++;
          this.#log.error({ decision: row.record.id }, 'a decision is lost: the database refuses it');
          this.#forget(row);
        }
        this.#written(batch);
      } catch (err) {
        this.#isAway = true;
        this.#letGo(() => true);
        if (this.#stop.signal.aborted) break;
        this.#log.warn({ err, waiting: this.#queue.length }, 'decisions could not be written yet');
        await delay(RETRY_MS, undefined, { signal: this.#stop.signal }).catch(() => undefined);
      }
    }
    this.#writingSince = undefined;
    this.#writing = undefined;
  }

  #written(batch: readonly Waiting[]): void {
    this.#queue = this.#queue.slice(batch.length);
    for (const one of batch) {
      this.#characters -= one.row.inputs.length;
      this.#answers.get(one)?.();
      this.#answers.delete(one);
    }
    const [next] = this.#queue;
    // Whoever came now would wait in vain while what an outage left is written.
    this.#isAway = next !== undefined && this.#patienceWith(next) <= 0;
    this.#impatience?.refresh();
    if (this.#answers.size > 0) return;
    clearTimeout(this.#patience);
    this.#patience = undefined;
  }

  #nextBatch(): Waiting[] {
    let characters = 0;
    const end = this.#queue.findIndex(({ row }, index) => {
      characters += row.inputs.length;
      return index === BATCH || (index > 0 && characters > BATCH_CHARACTERS);
    });
    return this.#queue.slice(0, end === -1 ? undefined : end);
  }

  /** For how many milliseconds its answer may still wait. What kept this process itself from writing is not the database's fault. */
  #patienceWith({ since }: Waiting): number {
    return Math.max(since, this.#writingSince ?? Number.POSITIVE_INFINITY) + PATIENCE_MS - performance.now();
  }

  /** Sees to it that the answer that has waited longest is given in time. */
  #bePatient(): void {
    const [oldest] = this.#answers.keys();
    if (oldest === undefined || this.#patience !== undefined || this.#writingSince === undefined) return;
    const give = () => {
      this.#patience = undefined;
      this.#letGo((one) => this.#patienceWith(one) <= 0);
      this.#bePatient();
    };
    this.#patience = setTimeout(give, Math.max(1, this.#patienceWith(oldest)));
  }

  /** The database is away, or behind: those that have waited longest do not wait for it. */
  #letGo(isEnough: (one: Waiting) => boolean): void {
    for (const [one, settle] of this.#answers) {
      if (!isEnough(one)) return;
      this.#isAway = true;
      this.#early++;
      this.#answers.delete(one);
      settle();
    }
  }
}
