import { setImmediate } from 'node:timers/promises';
import type { VpnPolicyContent } from '@quell/contracts/vpn-policy-events';
import type { VpnRecordedFilter, VpnWhatIfAnswer } from '@quell/contracts/vpn-what-if';
import { type ChunkEffect, type ChunkOutcome, JobFailed, type JobKind } from '@quell/service-kit/jobs/job-kind';
import { LRUCache } from 'lru-cache';
import type { Pool } from 'pg';
import { type Prepared, prepare } from '../simulate/prepare.ts';
import { simulateLines } from '../simulate/simulate.ts';
import { Tally } from '../simulate/tally.ts';
import { dropPartsBefore, linesOfPart, loadPart } from './parts.ts';
import { type Place, tryRecorded } from './try-recorded.ts';

export const WHAT_IF = 'vpn-what-if';

/** What is tried, resolved when it was asked for: a draft that is edited meanwhile changes nothing. */
export type WhatIfInput = {
  readonly policyId?: string;
  readonly version?: 'draft' | number;
  readonly candidate: VpnPolicyContent;
  readonly against?: VpnPolicyContent;
} & (
  | { readonly source: 'lines'; readonly parts: number; readonly total: number }
  | { readonly source: 'decisions'; readonly filter: VpnRecordedFilter; readonly until: string; readonly total: number }
);

interface Checkpoint {
  /** Parts of lines that are done. */
  readonly part?: number;
  /** The recorded decision that was tried last. */
  readonly place?: Place;
  readonly tally: VpnWhatIfAnswer;
}

/** How long one chunk works before it is committed, in milliseconds. */
const CHUNK_MS = 500;
const DECISIONS = 1000;

/** Tries a policy in any number of contexts: uploaded ones, or those of recorded decisions, from the last to the first. */
export function whatIfJob(pool: Pool): JobKind<WhatIfInput, Checkpoint> {
  const prepared = new LRUCache<string, { candidate: Prepared; against: Prepared | undefined }>({ max: 8 });

  function sidesOf(id: string, { candidate, against }: WhatIfInput) {
    const known = prepared.get(id);
    if (known !== undefined) return known;
    const sides = {
      candidate: prepare(candidate),
      against: against === undefined ? undefined : prepare(against),
    };
    prepared.set(id, sides);
    return sides;
  }

  async function tryParts(
    id: string,
    input: WhatIfInput & { source: 'lines' },
    checkpoint: Checkpoint | undefined,
  ): Promise<ChunkEffect<Checkpoint>> {
    const { candidate, against } = sidesOf(id, input);
    const tally = new Tally(checkpoint?.tally);
    const failures: { line: number; pointer?: string; detail: string }[] = [];
    let part = checkpoint?.part ?? 0;
    const until = performance.now() + CHUNK_MS;
    do {
      const lines = await loadPart(pool, id, part);
      if (lines === undefined) throw new JobFailed('What was uploaded is not there any more.');
      failures.push(...simulateLines(tally, linesOfPart(lines), candidate, against));
      part++;
      await setImmediate();
    } while (part < input.parts && performance.now() < until);
    return async (client) => {
      await dropPartsBefore(client, id, part);
      return outcomeOf(tally, input.total, { part }, part >= input.parts, failures);
    };
  }

  async function tryDecisions(
    id: string,
    input: WhatIfInput & { source: 'decisions' },
    checkpoint: Checkpoint | undefined,
  ): Promise<ChunkOutcome<Checkpoint>> {
    const { candidate } = sidesOf(id, input);
    const tally = new Tally(checkpoint?.tally);
    const left = input.filter.limit - tally.contexts;
    const { place, wrong, isLast } = await tryRecorded(
      pool,
      tally,
      candidate,
      input,
      checkpoint?.place,
      Math.min(left, DECISIONS),
    );
    const isDone = isLast || tally.contexts >= input.filter.limit;
    return outcomeOf(tally, input.total, place === undefined ? {} : { place }, isDone, wrong);
  }

  return {
    kind: WHAT_IF,
    step: ({ id, input, checkpoint }) =>
      input.source === 'lines' ? tryParts(id, input, checkpoint) : tryDecisions(id, input, checkpoint),
  };
}

function outcomeOf(
  tally: Tally,
  total: number,
  reached: Omit<Checkpoint, 'tally'>,
  done: boolean,
  failures: ChunkOutcome<Checkpoint>['failures'] & object,
): ChunkOutcome<Checkpoint> {
  const answer = tally.answer();
  return {
    checkpoint: { ...reached, tally: answer },
    progress: {
      done: tally.contexts,
      total: done ? tally.contexts : Math.max(total, tally.contexts),
      failed: tally.failed,
    },
    failures,
    result: answer,
    done,
  };
}
