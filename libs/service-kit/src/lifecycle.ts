import type { Log } from './log.ts';

/**
 * The steps of an orderly stop, in order: `consumers` take no more work in, `held-requests` (long polls, event
 * streams) are answered now, `http` drains, `resources` (publishers, then pools) close.
 */
export const stopPhases = ['consumers', 'held-requests', 'http', 'resources'] as const;
export type StopPhase = (typeof stopPhases)[number];

interface StopStep {
  readonly phase: StopPhase;
  readonly name: string;
  readonly run: () => void | Promise<void>;
}

/** What a service has to do when it stops, and whether it is stopping. */
export class Lifecycle {
  readonly #steps: StopStep[] = [];
  readonly #abort = new AbortController();
  readonly #log: Log;
  #stopped: Promise<void> | undefined;

  constructor(log: Log) {
    this.#log = log;
  }

  /** Aborted first of all when the service stops: `/readyz` answers 503 from then on, and held requests may watch it. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  get stopping(): boolean {
    return this.#abort.signal.aborted;
  }

  /** Runs `run` in `phase` of the stop; within one phase the step registered last runs first. */
  onStop(phase: StopPhase, name: string, run: () => void | Promise<void>): void {
    this.#steps.push({ phase, name, run });
  }

  /** Stops once, however often it is called. A step that fails is logged, and the others still run. */
  stop(reason: string): Promise<void> {
    this.#stopped ??= this.#stop(reason);
    return this.#stopped;
  }

  async #stop(reason: string): Promise<void> {
    this.#log.info({ reason }, 'stopping');
    this.#abort.abort();
    for (const phase of stopPhases) {
      for (const step of this.#steps.filter((candidate) => candidate.phase === phase).reverse()) {
        try {
          await step.run();
        } catch (err) {
          this.#log.error({ err, phase, step: step.name }, 'a step of the stop failed');
        }
      }
    }
    this.#log.info('stopped');
  }
}
