import type { VpnDecisionInputs, VpnDecisionRecord } from '@quell/contracts/vpn-decision';
import type { VpnEvaluateAnswer, VpnEvaluateRequest } from '@quell/contracts/vpn-evaluate';
import { globalProtectContext, globalProtectPolicy } from '@quell/contracts/vpn-globalprotect';
import type { VpnDecision } from '@quell/contracts/vpn-policy-api';
import type { VpnDialect, VpnPolicyBody } from '@quell/contracts/vpn-policy-body';
import type { PostureAnswer } from '@quell/contracts/vpn-posture';
import { contextToKeep } from '../evaluation/context-to-keep.ts';

/** A decision with what it was made from. */
export interface KeptDecision {
  readonly record: VpnDecisionRecord;
  readonly inputs: VpnDecisionInputs;
}

/** What the log keeps of a decision by a published policy; undefined for a draft, and where no policy decided. */
export function keptDecision(decision: VpnDecision, inputs: VpnDecisionInputs): KeptDecision | undefined {
  const { id, decidedAt, deviceId, policy, answer } = decision;
  if (policy === null || answer === null || policy.version === 'draft') return undefined;
  const { policyId, version: policyVersion, by } = policy;
  const of = deviceId === undefined ? {} : { deviceId };
  return {
    record: { id, decidedAt, ...of, policyId, policyVersion, by, ...saidBy(answer) },
    inputs: { ...inputs, context: contextToKeep(answer.dialect as VpnDialect, inputs.context) },
  };
}

/** What the log keeps of a decision by a policy that the caller sent along. @param body without its secrets */
export function keptStateless(
  decided: { readonly id: string; readonly decidedAt: string },
  request: VpnEvaluateRequest,
  body: VpnPolicyBody,
  answer: VpnEvaluateAnswer,
): KeptDecision {
  const context = contextToKeep(request.dialect, contextIn(request));
  return { record: { ...decided, by: 'stateless', ...saidBy(answer) }, inputs: { context, body } };
}

function saidBy(answer: PostureAnswer) {
  const { reason } = answer;
  const cause = 'posture' in answer ? answer.posture : undefined;
  return {
    dialect: answer.dialect as VpnDialect,
    decision: 'action' in answer ? answer.action : answer.decision,
    ...(reason === undefined ? {} : { reason }),
    ...(cause === undefined
      ? {}
      : { posture: { action: cause.action.kind, taskIds: cause.tasks.map(({ taskId }) => taskId) } }),
  };
}

function contextIn(request: VpnEvaluateRequest): Record<string, unknown> {
  if (request.dialect !== 'globalprotect') return request.context;
  return globalProtectContext.parse(request);
}

/** The policy in a request of `POST /v1/vpn/evaluate`. */
export function policyIn(request: VpnEvaluateRequest): VpnPolicyBody {
  if (request.dialect !== 'globalprotect') {
    const { context: _, ...body } = request;
    return body;
  }
  const { dialect, readings } = request;
  // The schema says which of the request's keys are the policy's, so that none is left out.
  return { dialect, settings: globalProtectPolicy.parse(request), ...(readings === undefined ? {} : { readings }) };
}
