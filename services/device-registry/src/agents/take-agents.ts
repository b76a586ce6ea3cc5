import type { ClientBase } from 'pg';
import { type ChangedDevices, changeDevicesIn } from '../device-store/change-devices.ts';
import { beginMatching } from '../device-store/matching-lock.ts';
import { forgetAgents, loadAgents, noteSeen, saveAgents } from './agent-rows.ts';
import { Directory } from './directory.ts';
import { type AgentMessage, type Plan, planAgents, type Told } from './plan-agents.ts';

/**
 * Takes what agents are, all or none: matches them to devices, brings the devices to what they report, notes when they were seen. Has to
 * run before any other write of its transaction. An agent without a device is matched again with each of its records.
 *
 * @throws DeviceConflict when somebody else was faster: run it again in a new transaction
 */
export async function takeAgents(
  client: ClientBase,
  messages: readonly AgentMessage[],
): Promise<ChangedDevices | undefined> {
  const { told, gone } = latest(messages);
  let plan = await makePlan(client, told);
  // Most records only tell that an agent is still there. What changes a device is decided again where nobody else can change one.
  if (plan.changes.length > 0 || plan.matchedAnew) {
    await beginMatching(client);
    plan = await makePlan(client, told);
  }
  const [first] = plan.changes;
  const changed =
    first === undefined
      ? undefined
      : await changeDevicesIn(client, plan.changes, first.envelope, { read: 'rows', repeats: true });
  await saveAgents(client, plan.entries);
  await forgetAgents(client, gone);
  await noteSeen(client, plan.seen);
  return changed;
}

async function makePlan(client: ClientBase, told: readonly Told[]): Promise<Plan> {
  const agents = told.map(({ record }) => record);
  const known = await loadAgents(client, {
    agentIds: agents.map(({ agentId }) => agentId),
    endpointIds: agents.map(({ endpointId }) => endpointId),
  });
  return planAgents(told, known, await Directory.load(client, agents, known));
}

/** Of each agent its greatest version, or that it is gone. */
function latest(messages: readonly AgentMessage[]): { told: Told[]; gone: string[] } {
  const told = new Map<string, Told>();
  const gone = new Set<string>();
  for (const message of messages) {
    if (message.kind === 'gone') {
      told.delete(message.agentId);
      gone.add(message.agentId);
      continue;
    }
    const { agentId, version } = message.record;
    gone.delete(agentId);
    if ((told.get(agentId)?.record.version ?? -1) < version) told.set(agentId, message);
  }
  return { told: [...told.values()], gone: [...gone] };
}
