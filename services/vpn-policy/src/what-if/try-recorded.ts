import type { VpnPolicyContent } from '@quell/contracts/vpn-policy-events';
import type { VpnRecordedFilter } from '@quell/contracts/vpn-what-if';
import type { Pool } from 'pg';
import { type DecisionFilter, readRecorded } from '../decision-log/read-decisions.ts';
import type { Prepared } from '../simulate/prepare.ts';
import type { Tally } from '../simulate/tally.ts';

/** A place in the log: when a decision was made, and its id. */
export type Place = readonly [string, string];

/** The recorded decisions that a policy is tried on: those of its vendor, made before it was asked. */
export interface RecordedSource {
  readonly candidate: VpnPolicyContent;
  readonly filter: VpnRecordedFilter;
  /** RFC 3339. */
  readonly until: string;
}

/** Makes recorded decisions again by another policy, from the last to the first. @returns where it ended, and whether nothing is left */
export async function tryRecorded(
  pool: Pool,
  tally: Tally,
  candidate: Prepared,
  source: RecordedSource,
  after: Place | undefined,
  limit: number,
): Promise<{ place: Place | undefined; wrong: { id: string; pointer?: string; detail: string }[]; isLast: boolean }> {
  const recorded = await readRecorded(pool, recordedFilter(source), after, limit);
  const wrong: { id: string; pointer?: string; detail: string }[] = [];
  const asksPosture = source.candidate.posture !== undefined;
  for (const { record, inputs } of recorded) {
    if (asksPosture && record.deviceId !== undefined && inputs.unresolved === undefined) {
      tally.skipForPosture();
      continue;
    }
    const to = candidate(inputs.context, inputs.unresolved);
    if ('errors' in to) {
      tally.fail();
      wrong.push({ id: record.id, detail: 'its context does not fit', ...to.errors[0] });
      continue;
    }
    const { id: decisionId, deviceId, decision, reason } = record;
    const from = { decision, ...(reason === undefined ? {} : { reason }) };
    tally.add({ decisionId, ...(deviceId === undefined ? {} : { deviceId }), from }, to, () => inputs.context);
  }
  const last = recorded.at(-1)?.record;
  return {
    place: last === undefined ? after : [last.decidedAt, last.id],
    wrong,
    isLast: recorded.length < limit,
  };
}

export function recordedFilter({ candidate, filter, until }: RecordedSource): DecisionFilter {
  const { device, policy, decision, since } = filter;
  return { device, policy, decision, since, until, dialects: dialectsLike(candidate) };
}

/** A context says nothing to a policy of another vendor. */
function dialectsLike({ body }: VpnPolicyContent): string[] {
  return 'payload' in body ? ['apple-mdm', 'apple-ne', 'apple-legacy'] : [body.dialect];
}
