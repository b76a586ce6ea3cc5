import type { EventOutcome } from '@quell/contracts/agent-protocol';
import { Counter, type Registry } from '@quell/service-kit/metrics';

/**
 * Counts what agents are answered to what they report. Reports of an old attempt (409) change nothing else that anybody would see;
 * many of them tell of leases that run out too early, or of two agents with one identity. Source: statuses.md, Laws.
 */
export class ReportTally {
  readonly #reports: Counter<'code'>;

  constructor(registry: Registry) {
    this.#reports = new Counter({
      name: 'mitigation_reports_total',
      help: 'Events that agents reported, by the code that they were answered with: 409 is a stale attempt, 410 is over, 422 does not fit',
      labelNames: ['code'],
      registers: [registry],
    });
  }

  count(outcomes: readonly EventOutcome[]): void {
    for (const { code } of outcomes) this.#reports.inc({ code: String(code) });
  }
}
