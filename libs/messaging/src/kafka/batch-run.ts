import type { EachBatchPayload } from 'kafkajs';
import type { BatchContext } from '../broker.ts';
import type { AssignedPartition } from './assigned-partition.ts';
import type { ConsumeSettings } from './consume-settings.ts';
import { fetchedFrom, toBrokerMessage } from './kafkajs-message.ts';

export interface BatchRun {
  readonly settings: ConsumeSettings;
  readonly payload: EachBatchPayload;
  readonly partition: AssignedPartition;
  readonly isOurs: () => boolean;
  /** Aborts when the connections are cut: a handler that still runs must not be kept in the group. */
  readonly cut: AbortSignal;
}

export type BatchOutcome = (
  | { readonly kind: 'complete' | 'partial' }
  /** The batch is not the one that should come next. */
  | { readonly kind: 'astray' }
  | { readonly kind: 'failed'; readonly error: unknown }
) & {
  /** What a heartbeat or a commit said: the membership is in question. */
  readonly lost?: unknown;
};

/** Takes one kafkajs batch through the handler, in calls of at most `maxBatch`, and commits what the handler stored. */
export async function handleBatch(run: BatchRun): Promise<BatchOutcome> {
  const { settings, payload, partition, isOurs, cut } = run;
  const { batch } = payload;
  const start = partition.nextOffset ?? 0n;
  const highWatermark = BigInt(batch.highWatermark);
  partition.sawEnd(highWatermark, performance.now());
  if ((fetchedFrom(batch) > partition.coveredTo || highWatermark < start) && partition.wentBackTo !== start) {
    partition.wentBackTo = start;
    return { kind: 'astray' };
  }

  const controller = partition.begin();
  let lost: unknown;
  const heartbeat = async () => {
    try {
      await payload.heartbeat();
    } catch (error) {
      lost ??= error;
      controller.abort();
    }
  };
  const isStale = () => lost !== undefined || payload.isStale() || !isOurs();
  const beating = setInterval(
    () => (cut.aborted ? clearInterval(beating) : void heartbeat()),
    (settings.sessionTimeoutSeconds * 1000) / 6,
  ).unref();
  const context: BatchContext = { signal: controller.signal, heartbeat, isStale };

  let failure: { error: unknown } | undefined;
  try {
    await handleInParts(run, highWatermark, context);
  } catch (error) {
    failure = { error };
  } finally {
    clearInterval(beating);
  }

  const nextOffset = partition.nextOffset ?? start;
  const last = batch.messages.at(-1);
  const complete = last !== undefined && nextOffset > BigInt(last.offset);
  if (isOurs()) {
    if (complete) {
      payload.resolveOffset(last.offset);
      const behind = BigInt(batch.lastOffset()) + 1n;
      partition.coveredTo = behind > nextOffset ? behind : nextOffset;
    }
    if (nextOffset > start && lost === undefined) lost = await commit(payload, nextOffset);
  }
  const rest = lost === undefined ? {} : { lost };
  if (failure !== undefined) return { kind: 'failed', error: failure.error, ...rest };
  return { kind: complete ? 'complete' : 'partial', ...rest };
}

async function handleInParts(run: BatchRun, highWatermark: bigint, context: BatchContext): Promise<void> {
  const { settings, payload, partition } = run;
  const { topic, messages } = payload.batch;
  const first = messages.findIndex(({ offset }) => BigInt(offset) >= (partition.nextOffset ?? 0n));
  if (first === -1) return;
  for (let at = first; at < messages.length && !context.signal.aborted && !context.isStale(); at += settings.maxBatch) {
    const part = messages
      .slice(at, at + settings.maxBatch)
      .map((message) => toBrokerMessage(topic, partition.partition, message));
    const from = partition.nextOffset ?? 0n;
    const batch = { topic, partition: partition.partition, from, messages: part, highWatermark };
    const { nextOffset } = await settings.handle(batch, context);
    const end = part.at(-1)!.offset + 1n;
    if (nextOffset < from || nextOffset > end) {
      throw new RangeError(`the handler returned next offset ${nextOffset} for a batch from ${from} to ${end}`);
    }
    partition.moveTo(nextOffset, performance.now());
    if (nextOffset < end) return;
  }
}

/** The broker's copy of the offset serves lag tools, so a failure matters only for what it says about the membership. */
async function commit({ batch, commitOffsetsIfNecessary }: EachBatchPayload, nextOffset: bigint): Promise<unknown> {
  const { topic, partition } = batch;
  try {
    await commitOffsetsIfNecessary({ topics: [{ topic, partitions: [{ partition, offset: String(nextOffset) }] }] });
    return undefined;
  } catch (error) {
    return error;
  }
}
