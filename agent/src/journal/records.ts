import { handedTask } from '@quell/contracts/agent-protocol';
import { runResult } from '@quell/contracts/run-result';
import { z } from 'zod';
import { plannedItem } from '../quarantine/planned-item.ts';

/** What became of a planned item. `absent`: it was gone before the agent could take it. */
export const itemEnd = z.discriminatedUnion('outcome', [
  z.object({ outcome: z.literal('taken'), linksLeft: z.int() }),
  z.object({ outcome: z.literal('absent') }),
  z.object({ outcome: z.literal('failed'), error: z.string() }),
]);

export const runItem = z.object({ plan: plannedItem, end: itemEnd.optional() });
export type RunItem = z.infer<typeof runItem>;

/** What the endpoint's user decided about one threat. */
export const choice = z.enum(['resolve', 'leave', 'no-answer']);
export type Choice = z.infer<typeof choice>;

const run = z.int().min(1);
const attempt = z.int().min(1);

/** What a run has to do. `run` and `attempt` are missing while a restore begun on the endpoint is unknown to the server. */
export const work = z.object({
  ...handedTask.pick({ taskId: true, mode: true, kind: true, payload: true }).shape,
  leaseSeconds: z.number().positive(),
});

/** A run as the journal knows it. `key` is `<taskId>/<run>`, or the request's id for a restore begun on the endpoint. */
export const journalledRun = z.object({
  key: z.string(),
  work,
  run: run.optional(),
  attempt: attempt.optional(),
  /** Set for a restore begun on the endpoint. */
  requestId: z.uuid().optional(),
  /** Of such a restore: the items that the server knows, when those are not all. Its result answers for them only. */
  knownItems: z.array(z.string()).optional(),
  acceptedAt: z.string(),
  items: z.array(runItem),
  choices: z.record(z.string(), choice),
  isCancelAsked: z.boolean(),
  result: runResult.optional(),
  /** The server's last word on the result, and the attempt it was said about. */
  answered: z.object({ attempt, code: z.int() }).optional(),
  /** The run is over without a result: nothing was done, or the server does not want it. */
  isAbandoned: z.boolean(),
});
export type JournalledRun = z.infer<typeof journalledRun>;

/** Every line of the journal. A line of an unknown type, written by a newer agent, is passed over. */
export const journalRecord = z.discriminatedUnion('type', [
  z.object({ type: z.literal('accepted'), entry: journalledRun }),
  z.object({
    type: z.literal('attempt-raised'),
    key: z.string(),
    run,
    attempt,
    knownItems: z.array(z.string()).optional(),
  }),
  z.object({ type: z.literal('item-planned'), key: z.string(), plan: plannedItem }),
  z.object({ type: z.literal('item-ended'), key: z.string(), backupId: z.string(), end: itemEnd }),
  z.object({ type: z.literal('chosen'), key: z.string(), choices: z.record(z.string(), choice) }),
  z.object({ type: z.literal('cancel-asked'), key: z.string() }),
  z.object({ type: z.literal('result'), key: z.string(), result: runResult }),
  z.object({ type: z.literal('answered'), key: z.string(), attempt, code: z.int() }),
  z.object({ type: z.literal('abandoned'), key: z.string(), why: z.string() }),
]);
export type JournalRecord = z.infer<typeof journalRecord>;

/** The key of a run handed out by the server. */
export const runKey = (taskId: string, run: number): string => `${taskId}/${run}`;
