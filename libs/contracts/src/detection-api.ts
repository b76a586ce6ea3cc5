import { z } from 'zod';
import { actionTaken, detectedThreat, endpointHint, nativeDetection } from './detection.ts';
import { pageOf, pageParameters, repeatable } from './paging.ts';
import { severity, text, timestamp, uuid } from './vocabulary.ts';

/** Body of `POST /v1/detections`: one detection or a list. Items are checked one by one, so that one bad item does not refuse the others. */
export const detectionsRequest = z.union([nativeDetection, z.array(nativeDetection).min(1)]);

/** One item that was not taken: its place in the request, the kind of fault, and where in the item it is. */
export const rejectedDetection = z.object({
  index: z.int().min(0),
  type: z.string(),
  detail: z.string(),
  pointer: z.string(),
});
export type RejectedDetection = z.infer<typeof rejectedDetection>;

/** Answer of `POST /v1/detections`, given only when Kafka has acknowledged every accepted item on all in-sync replicas. */
export const detectionsAnswer = z.object({
  accepted: z.int().min(0),
  /** Repeats inside this request; those across requests count as accepted and have no effect. */
  duplicates: z.int().min(0),
  rejected: z.array(rejectedDetection),
  /** One per accepted item, in the order of the request. */
  detectionIds: z.array(z.uuid()),
});
export type DetectionsAnswer = z.infer<typeof detectionsAnswer>;

/** Where a detection went. `recorded`: below what the policy opens tasks for. `unresolved`: its endpoint is unknown or ambiguous. */
export const detectionDisposition = z.enum(['task', 'duplicate', 'recorded', 'unresolved', 'dead-letter']);
export type DetectionDisposition = z.infer<typeof detectionDisposition>;

/** A detection as `GET /v1/detections/{id}` answers it. */
export const detectionDto = z.object({
  id: z.uuid(),
  source: z.string(),
  sourceId: z.string(),
  detectedAt: timestamp,
  receivedAt: timestamp,
  severity,
  endpoint: endpointHint,
  threat: detectedThreat,
  actionTaken: actionTaken.optional(),
  disposition: detectionDisposition,
  taskId: z.uuid().optional(),
  endpointId: z.uuid().optional(),
  /** Why it opened no task. */
  reason: z.string().optional(),
  /** The endpoints that would fit, when it is ambiguous. */
  candidates: z.array(z.uuid()).optional(),
  /** How often the same content came again: repeats have no other effect. */
  duplicates: z.int().min(0),
  updatedAt: timestamp,
});
export type DetectionDto = z.infer<typeof detectionDto>;

export const detectionListQuery = z.strictObject({
  disposition: repeatable(detectionDisposition),
  source: text(256).optional(),
  taskId: uuid.optional(),
  since: timestamp.optional().describe('Only detections received at or after this time.'),
  ...pageParameters,
});

export const detectionPage = pageOf(detectionDto);
