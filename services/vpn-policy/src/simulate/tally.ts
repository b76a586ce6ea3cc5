import type { VpnBrief, VpnWhatIfAnswer, VpnWhatIfExample } from '@quell/contracts/vpn-what-if';

/** Examples that are shown of each change. */
const EXAMPLES = 5;

/** What a context is known by, and what was decided in it before. */
export type Tried = Omit<VpnWhatIfExample, 'to' | 'context'>;

type Outcome = VpnWhatIfAnswer['outcomes'][number];

/** Counts what changes, context by context; goes on from what it counted before. */
export class Tally {
  #contexts = 0;
  #changed = 0;
  #failed = 0;
  #postureUnknown = 0;
  readonly #outcomes = new Map<string, Outcome>();

  /** @param before undefined: nothing was counted yet */
  constructor(before?: VpnWhatIfAnswer) {
    if (before === undefined) return;
    this.#contexts = before.contexts;
    this.#changed = before.changed;
    this.#failed = before.failed;
    this.#postureUnknown = before.postureUnknown ?? 0;
    for (const outcome of before.outcomes) {
      this.#outcomes.set(keyOf(outcome.from, outcome.to), { ...outcome, examples: [...outcome.examples] });
    }
  }

  get contexts(): number {
    return this.#contexts;
  }

  get failed(): number {
    return this.#failed;
  }

  /** A context that could not be decided. */
  fail(): void {
    this.#contexts++;
    this.#failed++;
  }

  /** A context of which nobody knows what stood unresolved on the device, while the policy asks for it. */
  skipForPosture(): void {
    this.#contexts++;
    this.#postureUnknown++;
  }

  /** @param context asked for when it becomes an example: it is kept and shown */
  add(tried: Tried, to: VpnBrief, context: () => Record<string, unknown>): void {
    const from = tried.from?.decision ?? null;
    const isChange = from !== null && from !== to.decision;
    this.#contexts++;
    if (isChange) this.#changed++;
    const key = keyOf(from, to.decision);
    const outcome = this.#outcomes.get(key) ?? { from, to: to.decision, count: 0, examples: [] };
    outcome.count++;
    if (isChange && outcome.examples.length < EXAMPLES) outcome.examples.push({ ...tried, context: context(), to });
    this.#outcomes.set(key, outcome);
  }

  /** Changes first, then by count. */
  answer(): VpnWhatIfAnswer {
    const outcomes = [...this.#outcomes.values()].sort(
      (a, b) =>
        Number(a.from === a.to) - Number(b.from === b.to) ||
        b.count - a.count ||
        (keyOf(a.from, a.to) < keyOf(b.from, b.to) ? -1 : 1),
    );
    return {
      contexts: this.#contexts,
      changed: this.#changed,
      failed: this.#failed,
      ...(this.#postureUnknown === 0 ? {} : { postureUnknown: this.#postureUnknown }),
      outcomes: structuredClone(outcomes),
    };
  }
}

function keyOf(from: string | null, to: string): string {
  return JSON.stringify([from, to]);
}
