import type { Root } from '../confined/roots.ts';
import type { Journal } from '../journal/journal.ts';
import type { PatternStore } from '../settings/pattern-store.ts';

/** Who decides for the endpoint's user which threats an on-demand scan resolves: everything, nothing, or answers written to a file. */
export type ChoosePolicy =
  | { readonly by: 'all' }
  | { readonly by: 'none' }
  | { readonly by: 'file'; readonly path: string };

/** What every run works with. */
export interface RunEnvironment {
  readonly roots: readonly Root[];
  readonly stateDir: string;
  readonly journal: Journal;
  readonly patterns: PatternStore;
  readonly choose: ChoosePolicy;
  readonly agentVersion: string;
  /** Files of `--hashes` and `--patterns`. */
  readonly hashFiles: readonly string[];
  readonly patternFiles: readonly string[];
  /** The time now, RFC 3339. */
  readonly now: () => string;
  readonly log: (line: string) => void;
  /** Asks the server for the configuration anew. Never throws. */
  readonly refreshConfiguration: () => Promise<void>;
}

/** Why a run is told to end early. */
export type StopCause = 'cancelled' | 'over' | 'shutdown';

export class Stopped extends Error {
  readonly stopCause: StopCause;
  constructor(stopCause: StopCause) {
    super(`the run was stopped: ${stopCause}`);
    this.name = 'Stopped';
    this.stopCause = stopCause;
  }
}

/** How a run hears that it must stop (the signal's reason is a Stopped) and says how far it is. */
export interface RunControl {
  readonly signal: AbortSignal;
  readonly report: (phase: string, percent?: number) => void;
}
