import { z } from 'zod';
import {
  agentId,
  deviceId,
  hostname,
  ipAddress,
  macAddress,
  path,
  severity,
  sha256,
  text,
  threatKind,
  timestamp,
} from './vocabulary.ts';

/** Whatever a source knows about the endpoint. Matched in this order: agentId, deviceId, MAC, unique host name, IP held at `detectedAt`. */
export const endpointHint = z.strictObject({
  agentId: agentId.optional(),
  deviceId: deviceId.optional(),
  hostname: hostname.optional(),
  ips: z.array(ipAddress).max(64).optional(),
  macs: z.array(macAddress).max(64).optional(),
});
export type EndpointHint = z.infer<typeof endpointHint>;

export const detectedThreat = z.strictObject({
  name: text(512).min(1),
  kind: threatKind.optional(),
  path: path.optional(),
  sha256: sha256.optional(),
  technique: text(64).min(1).optional(),
});
export type DetectedThreat = z.infer<typeof detectedThreat>;

export const actionTaken = z.strictObject({
  by: text(256).min(1),
  action: text(256).min(1),
});

/** One detection as a source posts it in Quell's own format. Unknown members are refused, so that a typing error is not lost. */
export const nativeDetection = z.strictObject({
  source: text(256).min(1),
  sourceId: text(512).min(1),
  detectedAt: timestamp,
  severity,
  endpoint: endpointHint,
  threat: detectedThreat,
  actionTaken: actionTaken.optional(),
  raw: z.unknown().optional(),
});
export type NativeDetection = z.infer<typeof nativeDetection>;

/** What a source says happened to its own detection. The native format has no such field: content decides. */
export const detectionActivity = z.enum(['create', 'update', 'close']);

/** The value of a record on `detections.v1`: one normalised detection with its identities. */
export const normalisedDetection = nativeDetection.extend({
  detectionId: z.uuid(),
  eventId: z.uuid(),
  activity: detectionActivity,
  receivedAt: timestamp,
});
export type NormalisedDetection = z.infer<typeof normalisedDetection>;
