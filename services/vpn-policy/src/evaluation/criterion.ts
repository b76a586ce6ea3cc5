import type { VpnCriterion, VpnVerdict } from '@quell/contracts/vpn-explanation';

/** Three-valued truth, without `not-evaluated`: what a condition has when somebody looks. */
export type Truth = Exclude<VpnVerdict, 'not-evaluated'>;

/** A condition that was looked at, and where in the context its missing input would be. */
export type Judged = { readonly criterion: VpnCriterion & { verdict: Truth }; readonly missing: readonly string[] };

export function truth(value: boolean): Truth {
  return value ? 'held' : 'not-held';
}

/** Kleene's conjunction: one that fails decides, whatever is unknown. */
export function all(verdicts: readonly Truth[]): Truth {
  if (verdicts.includes('not-held')) return 'not-held';
  return verdicts.includes('unknown') ? 'unknown' : 'held';
}

/**
 * Judges `wanted` against `found`: an input that is absent makes it unknown, unless `holds` says that no value could help.
 * @param pointer where the input stands in the context
 */
export function judge<T>(
  name: string,
  wanted: unknown,
  found: T | undefined,
  pointer: string,
  holds: (found: T) => boolean,
): Judged {
  if (found === undefined) return { criterion: { name, verdict: 'unknown', wanted }, missing: [pointer] };
  return { criterion: { name, verdict: truth(holds(found)), wanted, found }, missing: [] };
}

/** A condition that fails whatever the context is. */
export function neverHolds(name: string, wanted: unknown): Judged {
  return { criterion: { name, verdict: 'not-held', wanted }, missing: [] };
}

/** RFC 6901: one step of a JSON pointer. */
export function pointerToken(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1');
}
