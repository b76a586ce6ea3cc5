import { createHash } from 'node:crypto';
import type { AgentTaskRequest, CheckInRequest, CheckInResponse } from '@quell/contracts/agent-protocol';
import type { Lifecycle } from '@quell/service-kit/lifecycle';
import { refusal } from '@quell/service-kit/problem-error';
import { inTransaction } from '@quell/service-kit/transaction';
import { v7 as uuidv7 } from 'uuid';
import { recordBoot } from '../agents/boots.ts';
import type { SignedAgent } from '../agents/signature/agent-signature.guard.ts';
import { type EndpointChanges, enqueueEndpointChange } from '../endpoints/endpoint-changes.ts';
import { recordHost } from '../endpoints/host-record.ts';
import type { ReportTally } from '../metrics/report-tally.ts';
import { type AgentTaskAnswer, startAgentTask } from './agent-tasks.ts';
import { type CheckInParts, checkIn } from './check-in.ts';
import { takeReports } from './take-reports.ts';

/** What agents ask of this service, from a verified signature on. */
export class Delivery {
  readonly #parts: CheckInParts;
  readonly #lifecycle: Lifecycle;
  readonly #changes: EndpointChanges;
  readonly #tally: ReportTally;
  /** By agent, what ends the check-in that is held for it here. */
  readonly #holds = new Map<string, AbortController>();

  constructor(parts: CheckInParts, changes: EndpointChanges, lifecycle: Lifecycle, tally: ReportTally) {
    this.#parts = parts;
    this.#tally = tally;
    this.#changes = changes;
    this.#lifecycle = lifecycle;
  }

  async checkIn(agent: SignedAgent, request: CheckInRequest, gone: AbortSignal): Promise<CheckInResponse> {
    const { gate } = this.#parts;
    const begin = () => this.#begin(agent, request);
    // What was done at the endpoint is heard in any case.
    await (request.events.length > 0 ? gate.run(begin) : gate.enter(begin));
    // An agent that asks anew does not wait for its older question any more, though the connection may look alive for long: work that
    // went there would be lost until its lease is over.
    const superseded = new AbortController();
    this.#holds.get(agent.agentId)?.abort();
    this.#holds.set(agent.agentId, superseded);
    try {
      const signal = AbortSignal.any([gone, this.#lifecycle.signal, superseded.signal]);
      const answer = await checkIn(this.#parts, agent, uuidv7(), request, signal);
      this.#tally.count(answer.outcomes);
      return answer;
    } finally {
      if (this.#holds.get(agent.agentId) === superseded) this.#holds.delete(agent.agentId);
    }
  }

  async #begin(agent: SignedAgent, request: CheckInRequest): Promise<void> {
    const now = new Date();
    const boot = await recordBoot(this.#parts.checkInPool, agent.agentId, request.bootId, agent.signedAt, now);
    if (boot === 'conflict' || boot === 'stale') {
      throw refusal('identity-conflict', 'Another agent with this identity is alive: enrol one of the two anew.');
    }
    await this.#noteHost(agent, request, now);
  }

  /** What the agent says of its machine may give unresolved detections their endpoint. */
  async #noteHost({ endpointId }: SignedAgent, request: CheckInRequest, now: Date): Promise<void> {
    const changed = await inTransaction(this.#parts.checkInPool, async (client) => {
      const hasChanged = await recordHost(client, endpointId, request, now);
      if (hasChanged) await enqueueEndpointChange(client, { endpointId, reason: 'host-changed', changedAt: now });
      return hasChanged;
    });
    if (changed) void this.#changes.deliver();
  }

  async takeReports(agent: SignedAgent, taskId: string, attempt: number, bodies: readonly unknown[]) {
    const { pool, policies, onTaskChange } = this.#parts;
    const sent = bodies.map((body) => ({ taskId, attempt, body }));
    const { outcomes, endpointIds } = await takeReports(pool, await policies.current(), agent, sent);
    onTaskChange(endpointIds);
    this.#tally.count(outcomes);
    return { outcomes };
  }

  async startTask(agent: SignedAgent, request: AgentTaskRequest): Promise<AgentTaskAnswer> {
    const { pool, policies, onTaskChange } = this.#parts;
    const answer = await startAgentTask(pool, await policies.current(), agent, request);
    if (answer.ok) onTaskChange([answer.endpointId]);
    return answer;
  }

  configuration(): { etag: string; body: { patterns: string[] } } {
    const body = { patterns: [] };
    const digest = createHash('sha256').update(JSON.stringify(body)).digest('base64url');
    return { etag: `"${digest}"`, body };
  }
}
