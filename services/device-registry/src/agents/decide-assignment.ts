import type { Device } from '../device/device.ts';

/** An agent as far as it matters here. */
interface AssignedAgent {
  readonly status: 'active' | 'replaced' | 'revoked';
  readonly device_id: string | null;
}

export interface AssignmentRefusal {
  readonly code: 'unknown-agent' | 'impossible';
  readonly detail: string;
}

export type AssignmentVerdict<Agent> =
  | { readonly ok: true; readonly device: Device; readonly agent: Agent; readonly isNew: boolean }
  | Refused;

type Refused = { readonly ok: false; readonly refusal: AssignmentRefusal };

/** Whether an agent can be said to run on a device: one that has none, or has this one already, on a device that is there. */
export function decideAssignment<Agent extends AssignedAgent>(
  { agentId, deviceId }: { readonly agentId: string; readonly deviceId: string },
  agent: Agent | undefined,
  device: Device | undefined,
): AssignmentVerdict<Agent> {
  if (agent === undefined) return refused('unknown-agent', `There is no agent ${agentId}.`);
  if (agent.status !== 'active') return impossible(`The agent ${agentId} is ${agent.status}.`);
  if (agent.device_id !== null && agent.device_id !== deviceId) {
    return impossible(`The agent ${agentId} runs on the device ${agent.device_id} already.`);
  }
  if (device === undefined) return impossible(`There is no device ${deviceId}. Register it first.`);
  const isNew = agent.device_id === null;
  if (device.state === 'retired' && isNew) {
    return impossible(`The device ${deviceId} was retired at ${device.retiredAt}. Register it again first.`);
  }
  return { ok: true, device, agent, isNew };
}

function impossible(detail: string): Refused {
  return refused('impossible', detail);
}

function refused(code: AssignmentRefusal['code'], detail: string): Refused {
  return { ok: false, refusal: { code, detail } };
}
