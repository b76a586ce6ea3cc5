import { z } from 'zod';
import { booleanParameter, pageOf, pageParameters } from './paging.ts';
import { statusCode } from './task.ts';
import type { StatusCode } from './task-status.ts';
import { exceptionMatch } from './task-status.ts';
import { agentId, deviceId, severity, text, timestamp, uuid } from './vocabulary.ts';
import { appleAnswer, appleOutcome, appleReason } from './vpn-apple.ts';
import { ciscoAnswer, ciscoOutcome } from './vpn-cisco.ts';
import { globalProtectAnswer, globalProtectOutcome } from './vpn-globalprotect.ts';

/** Statuses 2–6: the threat is dealt with. Source: issue 5, Posture. */
export const releasingStatuses: readonly StatusCode[] = [
  'all-threats-resolved',
  'security-software-took-action',
  'threat-no-longer-exists',
  'potential-threat-resolved',
  'no-threat-found',
];

/** Statuses 1, 7 and 8–23: the threat stands. */
export const unresolvedStatuses: readonly StatusCode[] = statusCode.options.filter(
  (code) => !releasingStatuses.includes(code),
);

/**
 * What a device with an unresolved threat gets instead of its policy's decision. `disconnect`: its tunnel ends and none comes up.
 * `never-connect`: no tunnel comes up, one that is up is left alone. `remediate`: a tunnel to the remediation network is always up.
 */
export const postureAction = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('disconnect') }),
  z.strictObject({ kind: z.literal('never-connect') }),
  z.strictObject({
    kind: z.literal('remediate'),
    network: text(253)
      .min(1)
      .describe('The VPN that leads to the remediation network, by the name that the device knows it by.'),
  }),
]);
export type PostureAction = z.infer<typeof postureAction>;

/** What a policy makes of threats that stand unresolved. A policy without it does not look at posture. */
export const postureSettings = z.strictObject({
  /** Statuses of a threat's newest task that count. 2–6 release whatever is said here. */
  statuses: z
    .array(z.enum(unresolvedStatuses))
    .max(32)
    .default([...unresolvedStatuses]),
  /** Of the task; 99 (other) counts as 0. */
  minSeverity: severity.default(0),
  action: postureAction,
  /** Status 7 or 9 of an endpoint that a mitigation exception covers does not count. */
  exceptionsRelease: z.boolean().default(true),
  /** A task that an operator acknowledged does not count. */
  acknowledgedRelease: z.boolean().default(true),
});
export type PostureSettings = z.infer<typeof postureSettings>;

/** A threat whose newest task has a status other than 2–6. Whether it counts is for the policy to say. */
export const unresolvedThreat = z.object({
  taskId: uuid,
  /** As on `tasks.v1`; `task:<taskId>` stands for the threats of a task that names too many of them to list. */
  threatKey: z.string(),
  status: statusCode,
  severity,
  /** Since when its newest task has stood unresolved without interruption. */
  since: timestamp,
  acknowledged: z.boolean(),
  /** The mitigation exception in force that covers the endpoint. */
  exception: exceptionMatch.optional(),
});
export type UnresolvedThreat = z.infer<typeof unresolvedThreat>;

/** What stands on a device as a decision is made from it: of threats that are alike to every policy only the worst 20. */
export const countedThreat = unresolvedThreat.extend({
  alike: z
    .int()
    .min(1)
    .optional()
    .describe('So many more stand that have the same status and severity, are as acknowledged and as covered.'),
});
export type CountedThreat = z.infer<typeof countedThreat>;

/** The posture of a device, or of an endpoint that no device is known for (`GET /v1/vpn/devices/{deviceId}/posture`). */
export const devicePosture = z.object({
  deviceId: deviceId.optional(),
  agentId: agentId.optional(),
  /** Absent: no task is known of the device. */
  endpointId: uuid.optional(),
  /** By severity, the worst first, then by time. At most 1,000. */
  unresolved: z.array(unresolvedThreat),
  /** The earliest `since` of `unresolved`; absent when it is empty. */
  since: timestamp.optional(),
  /** How far `tasks.v1` was followed when this was read: the next offset of each partition. */
  position: z.record(z.string(), z.string()),
});
export type DevicePosture = z.infer<typeof devicePosture>;

export const postureListQuery = z.strictObject({
  unresolved: booleanParameter
    .default(true)
    .describe('`false`: also endpoints where an operator acknowledged, or an exception covers, all that stands.'),
  ...pageParameters,
});
export const posturePage = pageOf(devicePosture);

/** Why a decision is not the policy's own. */
export const postureCause = z.object({
  action: postureAction,
  /** The threats that count under the policy's settings, the worst first. At most 20. */
  tasks: z.array(unresolvedThreat.omit({ acknowledged: true })).min(1),
  /** All of them. */
  count: z.int().min(1),
  /** What the policy alone would decide, under the names of its dialect. */
  without: z.union([appleOutcome, ciscoOutcome, globalProtectOutcome]),
  /** Set when an established tunnel has to be ended and the client has no rule for that: its gateway has to. */
  endAtGateway: z.literal(true).optional(),
});
export type PostureCause = z.infer<typeof postureCause>;

const cause = { posture: postureCause.optional() };
const because = <T extends z.ZodType>(reason: T) => z.union([reason, z.literal('posture')]);

const applePostureAnswer = appleAnswer.extend({ reason: because(appleReason), ...cause });
const ciscoPostureAnswer = ciscoAnswer.extend({ reason: because(ciscoAnswer.shape.reason), ...cause });
const globalProtectPostureAnswer = globalProtectAnswer.extend({
  reason: because(globalProtectAnswer.shape.reason.unwrap()).optional(),
  ...cause,
});
export type ApplePostureAnswer = z.infer<typeof applePostureAnswer>;
export type CiscoPostureAnswer = z.infer<typeof ciscoPostureAnswer>;
export type GlobalProtectPostureAnswer = z.infer<typeof globalProtectPostureAnswer>;

/** An answer of a policy for a device: that of its dialect, or, with reason `posture`, what unresolved threats made of it. */
export const postureAnswer = z.union([applePostureAnswer, ciscoPostureAnswer, globalProtectPostureAnswer]);
export type PostureAnswer = z.infer<typeof postureAnswer>;
