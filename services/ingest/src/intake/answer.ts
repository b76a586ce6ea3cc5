import type { DetectionsAnswer } from '@quell/contracts/detection-api';
import { problemOf } from '@quell/contracts/problem';
import { BrokerBusy, PublishFailed } from '@quell/messaging/broker-errors';
import { ProblemError, unavailable } from '@quell/service-kit/problem-error';
import type { IntakeMetrics } from './intake-metrics.ts';
import type { Intake, Rejected } from './receive.ts';

export type Answer = DetectionsAnswer & { readonly rejected: readonly Rejected[] };

/**
 * The answer to a request whose items are all durable. When nothing of it was good there is nothing to accept: a 422 problem
 * that carries the same members, and every bad place as a pointer into the body.
 *
 * @param inList whether pointers start with the item's index
 */
export function answerOf(intake: Intake, inList: boolean): Answer {
  const { accepted, duplicates, rejected } = intake;
  const answer = {
    accepted: accepted.length,
    duplicates,
    rejected: [...rejected],
    detectionIds: accepted.map(({ detectionId }) => detectionId),
  };
  if (accepted.length > 0 || duplicates > 0 || rejected.length === 0) return answer;
  const errors = rejected.flatMap((item) =>
    (item.errors ?? [item]).map(({ pointer, detail }) => ({
      pointer: inList ? `/${item.index}${pointer}` : pointer,
      detail,
    })),
  );
  const tooLarge = rejected.every(({ type }) => type === 'urn:quell:problem:payload-too-large');
  const type = tooLarge ? 'payload-too-large' : 'unprocessable';
  const first = errors[0];
  const detail = `No item could be accepted. ${first?.pointer ?? ''}: ${first?.detail ?? ''}`;
  throw new ProblemError({ ...problemOf(type, detail, { errors }), ...answer });
}

/** What to tell the caller when Kafka did not take the items: come again, or the error itself when that is of no use. */
export function refusalOf(error: unknown, metrics: IntakeMetrics): unknown {
  if (error instanceof BrokerBusy) {
    metrics.turnedAway('busy');
    return unavailable('Too much is on its way already. Send it again.', 1);
  }
  if (error instanceof PublishFailed && error.transient) {
    metrics.turnedAway('broker');
    return unavailable('Kafka did not acknowledge in time. Send all of it again: repeats have no effect.', 2);
  }
  return error;
}
