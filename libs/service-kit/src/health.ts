import type { Log } from './log.ts';

/** Throws, or gives a string, the reason, when something is wrong; anything else means that all is well. */
export type HealthCheck = () => unknown;

export interface HealthReport {
  readonly ok: boolean;
  /** `ok`, or why not. Reasons of thrown errors stay in the log: this is read without a credential. */
  readonly checks: Readonly<Record<string, string>>;
}

const CHECK_TIMEOUT_MS = 2_000;
const REUSE_MS = 500;

/** What `/livez` and `/readyz` ask. Liveness is for what only a restart cures; readiness for whether to send requests. */
export class Health {
  readonly #checks = { live: new Map<string, HealthCheck>(), ready: new Map<string, HealthCheck>() };
  readonly #running = new Map<'live' | 'ready', { at: number; report: Promise<HealthReport> }>();
  readonly #log: Log;

  constructor(log: Log) {
    this.#log = log;
  }

  addLiveCheck(name: string, check: HealthCheck): void {
    this.#checks.live.set(name, check);
  }

  addReadyCheck(name: string, check: HealthCheck): void {
    this.#checks.ready.set(name, check);
  }

  /** Runs the checks, each at most 2 s; a report younger than half a second is reused, so probes cannot load the servers. */
  report(kind: 'live' | 'ready'): Promise<HealthReport> {
    const running = this.#running.get(kind);
    if (running !== undefined && Date.now() - running.at < REUSE_MS) return running.report;
    const report = this.#run(kind);
    this.#running.set(kind, { at: Date.now(), report });
    return report;
  }

  async #run(kind: 'live' | 'ready'): Promise<HealthReport> {
    const results = await Promise.all(
      [...this.#checks[kind]].map(async ([name, check]) => [name, await this.#ask(name, check)] as const),
    );
    return { ok: results.every(([, result]) => result === 'ok'), checks: Object.fromEntries(results) };
  }

  async #ask(name: string, check: HealthCheck): Promise<string> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<string>((resolve) => {
      timer = setTimeout(() => resolve(`no answer within ${CHECK_TIMEOUT_MS / 1000} s`), CHECK_TIMEOUT_MS);
    });
    try {
      const result = await Promise.race([Promise.resolve().then(check), late]);
      return typeof result === 'string' ? result : 'ok';
    } catch (err) {
      this.#log.warn({ err, check: name }, 'a health check failed');
      return 'failed';
    } finally {
      clearTimeout(timer);
    }
  }
}
