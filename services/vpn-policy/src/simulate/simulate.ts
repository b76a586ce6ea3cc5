import type { VpnBrief } from '@quell/contracts/vpn-what-if';
import { contextToKeep } from '../evaluation/context-to-keep.ts';
import type { ContextFaults } from '../evaluation/policy-request.ts';
import type { Prepared } from './prepare.ts';
import type { Tally } from './tally.ts';

/** A line of contexts: its number, and its text; `undefined` for one that was too long. */
export interface ContextLine {
  readonly line: number;
  readonly text: string | undefined;
}

/** A line that could not be decided, and why. */
export interface WrongLine {
  readonly line: number;
  readonly pointer?: string;
  readonly detail: string;
}

/**
 * Counts what a policy decides in contexts, each a line of JSON, and where that is not what another one decides. A line may also be a body of
 * `POST /v1/vpn/evaluate`: then its `context` is taken. Blank lines are skipped.
 *
 * @param against what it is compared with; undefined: nothing
 * @returns the lines that could not be decided
 */
export function simulateLines(
  tally: Tally,
  lines: Iterable<ContextLine>,
  candidate: Prepared,
  against: Prepared | undefined,
): WrongLine[] {
  const wrong: WrongLine[] = [];
  for (const { line, text } of lines) {
    if (text?.trim() === '') continue;
    const read = contextOf(text);
    const outcome = 'detail' in read ? read : compare(read.context, candidate, against);
    if ('detail' in outcome) {
      tally.fail();
      wrong.push({ line, ...outcome });
    } else {
      const { context } = read as { context: Record<string, unknown> };
      tally.add({ line, from: outcome.from }, outcome.to, () => contextToKeep(candidate.dialect, context));
    }
  }
  return wrong;
}

type Wrong = { readonly pointer?: string; readonly detail: string };

function contextOf(text: string | undefined): { readonly context: Record<string, unknown> } | Wrong {
  if (text === undefined) return { detail: 'the line is too long' };
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    // Without the piece of the line that V8 quotes: what went wrong may be a secret, and this is kept.
    return { detail: `the line is not JSON: ${(error as Error).message.replace(/, (\.{3})?".*/s, '')}` };
  }
  const context = typeof json === 'object' && json !== null && 'context' in json ? json.context : json;
  if (typeof context !== 'object' || context === null) return { detail: 'the line is no context' };
  return { context: context as Record<string, unknown> };
}

function compare(
  context: unknown,
  candidate: Prepared,
  against: Prepared | undefined,
): { readonly from: VpnBrief | null; readonly to: VpnBrief } | Wrong {
  const to = candidate(context);
  if ('errors' in to) return firstOf(to);
  const from = against?.(context) ?? null;
  return from !== null && 'errors' in from ? firstOf(from) : { from, to };
}

function firstOf({ errors: [first] }: ContextFaults): Wrong {
  return { detail: 'it does not fit', ...first };
}
