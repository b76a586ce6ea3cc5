import type { Log } from '@quell/service-kit/log';
import type { Pool } from 'pg';
import { v7 as uuidv7 } from 'uuid';
import type { PolicyStore } from '../policy/policy-store.ts';
import { type OutageSettings, watchOutages } from './outages.ts';
import { sweepClocks } from './sweep.ts';

export interface ClockworkParts {
  readonly pool: Pool;
  readonly policies: PolicyStore;
  readonly log: Log;
  readonly outages: OutageSettings;
  /** Pause between two sweeps. */
  readonly sweepSeconds: number;
  /** Called after COMMIT with the endpoints whose place became free. */
  readonly onFreed: (endpointIds: readonly string[]) => void;
}

/** Then the heartbeat of this replica comes first again: a gap of all replicas would count as an outage. */
const MOST_SWEEP_MS = 10_000;

/** Sweeps the clocks until it is stopped; a failed sweep is logged and the next one does its work. */
export class Clockwork {
  readonly #parts: ClockworkParts;
  readonly #replicaId = uuidv7();
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(parts: ClockworkParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#running = this.#sweep().finally(() => {
      if (!this.#stopped) this.#timer = setTimeout(() => this.start(), this.#parts.sweepSeconds * 1000);
    });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#running;
  }

  async #sweep(): Promise<void> {
    const { pool, policies, outages, onFreed, log } = this.#parts;
    try {
      const calm = await watchOutages(pool, this.#replicaId, outages);
      if (!calm) return;
      const policy = await policies.current();
      const until = performance.now() + MOST_SWEEP_MS;
      for (let more = true; more && !this.#stopped && performance.now() < until; ) {
        const swept = await sweepClocks(pool, policy);
        if (swept.freed.length > 0) onFreed(swept.freed);
        more = swept.more;
      }
    } catch (err) {
      log.warn({ err }, 'a sweep of the clocks failed; the next one does its work');
    }
  }
}
