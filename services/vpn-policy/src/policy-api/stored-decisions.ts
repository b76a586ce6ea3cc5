import type { DeviceRecord } from '@quell/contracts/device-record';
import type { VpnDecision, VpnPolicyChoice } from '@quell/contracts/vpn-policy-api';
import type { VpnPolicyContent } from '@quell/contracts/vpn-policy-events';
import type { CountedThreat } from '@quell/contracts/vpn-posture';
import { refusal } from '@quell/service-kit/problem-error';
import type { Pool } from 'pg';
import { v7 as uuidv7 } from 'uuid';
import type { DecisionLog } from '../decision-log/decision-log.ts';
import { readDevice } from '../devices/known-devices.ts';
import { decideByContent } from '../evaluation/decide-by-content.ts';
import { policiesFor } from '../policy/choose.ts';
import { contentOf, type Policy, versionInForce } from '../policy/policy.ts';
import type { ActivePolicies } from '../policy-store/active-policies.ts';
import { findContent } from '../policy-store/find-content.ts';
import { readPolicyRow } from '../policy-store/policy-row.ts';
import { unresolvedOn } from '../posture-store/posture-of.ts';

/** What deciding by stored policies needs. */
export interface Deciding {
  readonly pool: Pool;
  readonly active: ActivePolicies;
  readonly log: DecisionLog;
}

type Context = Readonly<Record<string, unknown>>;

/** Decides for a device by the policy that is for it. */
export async function decideForDevice(parts: Deciding, deviceId: string, context: Context): Promise<VpnDecision> {
  const [device, active] = await Promise.all([readDevice(parts.pool, deviceId), parts.active.all()]);
  const [first, ...others] = policiesFor(device, active);
  const of = deviceFacts(deviceId, device);
  if (first === undefined)
    return { id: uuidv7(), decidedAt: new Date().toISOString(), ...of, policy: null, answer: null };
  const { policy, priority } = first.assignment;
  const number = versionInForce(policy)!.number;
  const choice: VpnPolicyChoice = {
    policyId: policy.id,
    name: policy.name,
    version: number,
    by: first.by,
    priority,
    passedOver: others.map(({ assignment }) => assignment.policyId),
  };
  return decide(parts, choice, contentOf(policy, number)!, context, of, device);
}

/** Decides by the policy that the caller names. @throws ProblemError 404 for a version that there is not, 409 where none is in force */
export async function decideByPolicy(
  parts: Deciding,
  policyId: string,
  asked: {
    readonly deviceId?: string | undefined;
    readonly context: Context;
    readonly version?: 'draft' | number | undefined;
  },
): Promise<VpnDecision> {
  const { deviceId, context, version } = asked;
  const policy = await readPolicyRow(parts.pool, policyId);
  if (policy === undefined) throw refusal('not-found', `There is no policy ${policyId}.`);
  const [number, content] = await versionOf(parts.pool, policy, version);
  const device = deviceId === undefined ? undefined : await readDevice(parts.pool, deviceId);
  const of = deviceId === undefined ? {} : deviceFacts(deviceId, device);
  const choice: VpnPolicyChoice = { policyId, name: policy.name, version: number, by: 'asked' };
  return decide(parts, choice, content, context, of, device);
}

type DeviceFacts = Pick<VpnDecision, 'deviceId' | 'device'>;

async function decide(
  { pool, log }: Deciding,
  policy: VpnPolicyChoice,
  content: VpnPolicyContent,
  context: Context,
  of: DeviceFacts,
  device: DeviceRecord | undefined,
): Promise<VpnDecision> {
  // Recorded also where this policy does not look at it: a draft that does is tried on what is recorded.
  const isLooked = content.posture !== undefined || (of.deviceId !== undefined && policy.version !== 'draft');
  const unresolved = isLooked ? await standingOn(pool, of.deviceId, device) : undefined;
  const answer = decideByContent(content, context, unresolved);
  if ('errors' in answer) {
    const errors = answer.errors.map(({ pointer, detail }) => ({ pointer: `/context${pointer}`, detail }));
    throw refusal('invalid-request', `${errors[0]?.pointer}: ${errors[0]?.detail}`, { errors });
  }
  const decision: VpnDecision = { id: uuidv7(), decidedAt: new Date().toISOString(), ...of, policy, answer };
  await log.keep(decision, { context, ...(unresolved === undefined ? {} : { unresolved }) });
  return decision;
}

async function standingOn(
  pool: Pool,
  deviceId: string | undefined,
  device: DeviceRecord | undefined,
): Promise<CountedThreat[]> {
  if (deviceId === undefined) return [];
  return unresolvedOn(pool, { deviceId, agentId: device?.agentId });
}

function deviceFacts(deviceId: string, device: DeviceRecord | undefined): DeviceFacts {
  return { deviceId, device: device === undefined ? 'unknown' : 'known' };
}

async function versionOf(
  pool: Pool,
  policy: Policy,
  asked: 'draft' | number | undefined,
): Promise<['draft' | number, VpnPolicyContent]> {
  const number = asked ?? versionInForce(policy)?.number;
  if (number === undefined) {
    throw refusal('conflict', `Policy ${policy.id} was never published. Ask for its draft with version "draft".`);
  }
  const content = await findContent(pool, policy, number);
  if (content === undefined) throw refusal('not-found', `Policy ${policy.id} has no version ${number}.`);
  return [number, content];
}
