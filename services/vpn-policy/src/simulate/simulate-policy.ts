import type { VpnPolicyContent } from '@quell/contracts/vpn-policy-events';
import type { VpnWhatIfAnswer } from '@quell/contracts/vpn-what-if';
import { prepare } from './prepare.ts';
import { type ContextLine, simulateLines, type WrongLine } from './simulate.ts';
import { Tally } from './tally.ts';

/** What a policy decides in many contexts, counted, and the first of those that do not fit it. */
export type Simulation = VpnWhatIfAnswer & { readonly wrong: readonly WrongLine[] };

const WRONG_LINES_SHOWN = 10;

/**
 * Tries a policy in contexts, each a line of JSON, and counts where another one decides otherwise.
 *
 * @param batches the lines, so many together as may be held at a time
 * @param against what it is compared with; undefined: nothing
 */
export function simulatePolicy(
  policy: VpnPolicyContent,
  batches: Iterable<Iterable<ContextLine>>,
  against?: VpnPolicyContent,
): Simulation {
  const candidate = prepare(policy);
  const other = against === undefined ? undefined : prepare(against);
  const tally = new Tally();
  const wrong: WrongLine[] = [];
  for (const lines of batches) {
    const more = simulateLines(tally, lines, candidate, other);
    wrong.push(...more.slice(0, WRONG_LINES_SHOWN - wrong.length));
  }
  return { ...tally.answer(), wrong };
}
