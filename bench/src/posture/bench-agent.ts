import { randomUUID } from 'node:crypto';
import { enrol, loadEnrolment } from '@quell/agent/identity/enrolment';
import { loadIdentity } from '@quell/agent/identity/identity';
import { type Reply, ServerLink } from '@quell/agent/transport/server-link';
import type { CheckInResponse, HandedTask } from '@quell/contracts/agent-protocol';

/** An agent that takes one task at a time, and resolves it when it is told to. */
export interface BenchAgent {
  /** Checks in until it is handed a task, and accepts it. */
  nextTask(): Promise<HandedTask>;
  /** Reports every target as resolved; comes back when the server has taken it. */
  resolve(task: HandedTask): Promise<void>;
  stop(): Promise<void>;
}

/** Enrols a new agent for the device. @param stateDir an empty folder for its key */
export async function enrolAgent(
  url: string,
  enrolmentToken: string,
  deviceId: string,
  stateDir: string,
): Promise<BenchAgent> {
  const identity = await loadIdentity(stateDir);
  const link = new ServerLink(url, identity);
  const host = { hostname: deviceId, deviceId, ips: [], macs: [], platform: 'linux' as const, osVersion: '6.1' };
  const { reply } = await enrol(link, identity, stateDir, await loadEnrolment(stateDir, url), enrolmentToken, host);
  answered(reply);
  const bootId = randomUUID();
  const report = async ({ taskId, attempt }: HandedTask, type: string, data?: object) => {
    const event = {
      eventId: randomUUID(),
      type,
      at: new Date().toISOString(),
      ...(data === undefined ? {} : { data }),
    };
    answered(await link.call('POST', `/v1/tasks/${taskId}/attempts/${attempt}/events`, { body: { events: [event] } }));
  };
  return {
    async nextTask() {
      for (;;) {
        const body = {
          bootId,
          agentVersion: '0',
          capabilities: ['assess', 'mitigate', 'scan', 'rollback'],
          waitSeconds: 5,
        };
        const { tasks } = answered(await link.call('POST', '/v1/agents/me/check-in', { body })) as CheckInResponse;
        const [task] = tasks;
        if (task === undefined) continue;
        await report(task, 'accepted');
        return task;
      }
    },
    resolve: (task) =>
      report(task, 'result', {
        outcome: 'finished',
        threats: task.payload.targets.map(({ id, name, path }) => ({ id, name, path, outcome: 'resolved' })),
      }),
    stop: () => link.close(),
  };
}

function answered(reply: Reply): unknown {
  if (reply.kind !== 'answered') throw new Error(`the agent was not answered: ${reply.detail}`);
  return reply.body;
}
