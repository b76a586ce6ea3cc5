import { z } from 'zod';
import { pageOf, pageParameters, repeatable } from './paging.ts';
import { timestamp, uuid } from './vocabulary.ts';

/** `queued`: no replica has begun it. The last three are ends: nothing changes a job that reached one. */
export const jobState = z.enum(['queued', 'running', 'succeeded', 'failed', 'cancelled']);
export type JobState = z.infer<typeof jobState>;

export const jobProgress = z.object({
  done: z.int().min(0).describe('How many items it went through, those that failed included.'),
  total: z.int().min(0).optional().describe('How many there are, once that is known.'),
  failed: z.int().min(0).describe('How many of them could not be done; see its errors.'),
});
export type JobProgress = z.infer<typeof jobProgress>;

/** One item that a job could not do. */
export const jobFailure = z.object({
  line: z.int().min(1).optional().describe('Where it stands in what was uploaded, counted from 1.'),
  id: z.string().optional().describe('What it concerns, such as the id of a device.'),
  column: z.string().optional().describe('Which column of a table.'),
  pointer: z.string().optional().describe('JSON Pointer (RFC 6901) to the place inside the item.'),
  detail: z.string(),
});
export type JobFailure = z.infer<typeof jobFailure>;

/** Long work of a service: it goes on after a crash, on whichever replica is there. */
export const jobDto = z.object({
  id: uuid,
  kind: z.string(),
  state: jobState,
  progress: jobProgress,
  input: z.record(z.string(), z.unknown()).describe('What was asked.'),
  result: z
    .record(z.string(), z.unknown())
    .optional()
    .describe('What came of it; while it runs, what came of it so far.'),
  error: z.string().optional().describe('Why it failed.'),
  createdBy: z.string(),
  createdAt: timestamp,
  startedAt: timestamp.optional(),
  finishedAt: timestamp.optional(),
  cancelRequestedAt: timestamp.optional().describe('It ends after the chunk that it is at.'),
});
export type JobDto = z.infer<typeof jobDto>;

export const jobQuery = z.strictObject({
  waitSeconds: z.coerce
    .number()
    .int()
    .min(0)
    .max(30)
    .default(0)
    .describe('Answer when the job has ended, or as it is after so long.'),
});
export type JobQuery = z.infer<typeof jobQuery>;

export const jobPage = pageOf(jobDto);

export const jobListQuery = z.strictObject({
  ...pageParameters,
  kind: repeatable(z.string().max(64)),
  state: repeatable(jobState),
});
export type JobListQuery = z.infer<typeof jobListQuery>;

export const jobFailurePage = pageOf(jobFailure);
export const jobFailureQuery = z.strictObject(pageParameters);
export type JobFailureQuery = z.infer<typeof jobFailureQuery>;
