import { Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { Lifecycle } from '@quell/service-kit/lifecycle';
import { LOG, type Log } from '@quell/service-kit/log';
import type { Pool } from 'pg';
import { pruneIdempotencyKeys } from '../commands/idempotency-keys.ts';
import { POOL } from '../database/pool.ts';
import { EndpointChanges } from '../endpoints/endpoint-changes.ts';
import { pruneHostIntervals } from '../endpoints/host-record.ts';
import { pruneTokens } from './enrolment/tokens.ts';
import { LastSeen } from './last-seen.ts';
import { NonceLedger } from './signature/nonce-ledger.ts';

const NONCES_EVERY_MS = 60_000;
const HOURLY_MS = 3_600_000;

/** Starts and stops what runs beside the requests: writing contacts, changes left behind by another replica, pruning. */
@Injectable()
export class Housekeeping implements OnApplicationBootstrap {
  constructor(
    @Inject(POOL) private readonly pool: Pool,
    @Inject(LOG) private readonly log: Log,
    @Inject(Lifecycle) private readonly lifecycle: Lifecycle,
    @Inject(LastSeen) private readonly lastSeen: LastSeen,
    @Inject(EndpointChanges) private readonly changes: EndpointChanges,
    @Inject(NonceLedger) private readonly nonces: NonceLedger,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    await this.nonces.begin();
    this.lastSeen.start();
    this.lifecycle.onStop('resources', 'contacts of agents', () => this.lastSeen.stop());
    this.changes.start();
    this.lifecycle.onStop('consumers', 'endpoint changes', () => this.changes.stop());
    this.#every(NONCES_EVERY_MS, 'nonces', () => this.nonces.prune(new Date()));
    this.#every(HOURLY_MS, 'host intervals', () => pruneHostIntervals(this.pool, new Date()));
    this.#every(HOURLY_MS, 'enrolment tokens', () => pruneTokens(this.pool, new Date()));
    this.#every(HOURLY_MS, 'idempotency keys', () => pruneIdempotencyKeys(this.pool, new Date()));
  }

  #every(ms: number, what: string, prune: () => Promise<number>): void {
    const timer = setInterval(() => {
      prune().catch((err: unknown) => this.log.warn({ err, what }, 'old rows were not deleted'));
    }, ms);
    this.lifecycle.onStop('consumers', `pruning of ${what}`, () => clearInterval(timer));
  }
}
