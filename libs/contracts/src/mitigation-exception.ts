import { z } from 'zod';
import { pageOf, pageParameters } from './paging.ts';
import { taskDto } from './task.ts';
import { exceptionMatch } from './task-status.ts';
import { deviceId, hostname, ipAddress, text, timestamp, uuid } from './vocabulary.ts';

/** Why the exception is there, for whoever finds a task that it ended. */
const reason = text(1024).min(1);
const expiresAt = timestamp.optional().describe('From then on it covers nothing; absent: until it is deleted.');

const entry = <Kind extends string, Value extends z.ZodType>(kind: Kind, value: Value) =>
  z.strictObject({ kind: z.literal(kind), value, reason, expiresAt });

/** An endpoint that is left alone (`POST /v1/mitigation-exceptions`), by one of its names. */
export const mitigationExceptionRequest = z.discriminatedUnion('kind', [
  entry('ip', ipAddress),
  entry('cidr', z.union([z.cidrv4(), z.cidrv6()])),
  entry('hostname', hostname),
  entry('device', deviceId),
]);
export type MitigationExceptionRequest = z.infer<typeof mitigationExceptionRequest>;

/** A run that may work on its endpoint though the exception covers it, until the run has ended or `until`. */
const suspension = z.object({ taskId: uuid, run: z.int(), endpointId: uuid, until: timestamp });

export const mitigationExceptionDto = z.object({
  id: uuid,
  kind: exceptionMatch.shape.kind,
  value: z.string(),
  reason: z.string(),
  expiresAt: timestamp.optional(),
  inForce: z.boolean().describe('False once it expired.'),
  suspensions: z.array(suspension),
  createdAt: timestamp,
  createdBy: z.string(),
  version: z.int(),
});
export type MitigationExceptionDto = z.infer<typeof mitigationExceptionDto>;

export const mitigationExceptionQuery = z.strictObject(pageParameters);
export const mitigationExceptionPage = pageOf(mitigationExceptionDto);

/** Tasks that the exception ended (status 9): each gets a new run, and their endpoints are not covered while it lasts. */
export const suspendRequest = z.strictObject({ taskIds: z.array(uuid).min(1).max(100) });
export const suspendAnswer = z.object({ exception: mitigationExceptionDto, tasks: z.array(taskDto) });
export type SuspendAnswer = z.infer<typeof suspendAnswer>;

/**
 * The value of a record on `mitigation-exceptions.v1` (compacted, key = exception id): the whole exception after a change. Consumers keep
 * the record with the greatest version; one with `deletedAt` stays, so that an older one that comes again brings nothing back. Its end by
 * `expiresAt` is no record of its own.
 */
export const mitigationExceptionRecord = z.object({
  id: uuid,
  kind: exceptionMatch.shape.kind,
  value: z.string(),
  reason: z.string(),
  expiresAt: timestamp.optional(),
  deletedAt: timestamp.optional(),
  /** Endpoints that it does not cover now. */
  suspendedFor: z.array(z.object({ endpointId: uuid, until: timestamp })),
  version: z.int(),
});
export type MitigationExceptionRecord = z.infer<typeof mitigationExceptionRecord>;
