import type { AgentRecord } from '@quell/contracts/agent-record';
import { topics } from '@quell/contracts/topics';
import type { OutgoingMessage } from '@quell/messaging/broker';
import { cloudEventHeaders } from '@quell/messaging/cloudevents';
import type { Log } from '@quell/service-kit/log';
import type { Pool } from 'pg';
import { v5 as uuidv5 } from 'uuid';
import { CLAIM_SECONDS, claimAgents, sampleContacts, settleAgents } from './agent-outbox.ts';

const NAMESPACE = '8f9b3f3a-4c53-5b0d-9f1e-5d2a3c7b6e10';
/** How often it is looked for unpublished agents, in milliseconds: what was left behind by a crash is found so as well. */
const LOOK_EVERY_MS = 1000;

/** The topic of {@link AgentPublisher}. */
export const agentTopic = topics.agents;

export interface AgentPublisherParts {
  readonly pool: Pool;
  readonly log: Log;
  /** Puts messages on {@link agentTopic}; resolves when they are there. */
  readonly publish: (messages: readonly OutgoingMessage[]) => Promise<void>;
  /** `lastSeenAt` travels at most once in so many seconds and agent. */
  readonly sampleSeconds: number;
}

/**
 * Publishes agents on `agents.v1`, keyed by agent, at least once each version that is not overtaken by the next. What is to be published
 * stands in rows that are written with the change, so a kill loses nothing; a claim keeps the records of one agent in order, also with
 * several replicas.
 */
export class AgentPublisher {
  readonly #parts: AgentPublisherParts;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();
  #sampledAt = Number.NEGATIVE_INFINITY;

  constructor(parts: AgentPublisherParts) {
    this.#parts = parts;
  }

  start(): void {
    let busy = false;
    this.#timer = setInterval(() => {
      if (busy) return;
      busy = true;
      void this.publishDue().finally(() => {
        busy = false;
      });
    }, LOOK_EVERY_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#running;
  }

  /** Publishes everything that is due; resolves when nothing is, or when it has to wait. */
  publishDue(): Promise<void> {
    this.#running = this.#running.then(() =>
      this.#publishDue().catch((err: unknown) => {
        this.#parts.log.warn({ err }, 'agents could not be published; they are published later');
      }),
    );
    return this.#running;
  }

  async #publishDue(): Promise<void> {
    const { pool, log, publish } = this.#parts;
    await this.#sample();
    for (;;) {
      const claimedAt = performance.now();
      const claimed = await claimAgents(pool);
      if (claimed.records.length === 0) return;
      // After a long halt of this process the claim may be somebody else's before the records are there.
      if (performance.now() - claimedAt > (CLAIM_SECONDS * 1000) / 3) continue;
      await publish(claimed.records.map(messageOf));
      const lost = await settleAgents(pool, claimed);
      if (lost > 0)
        log.warn({ agents: lost }, 'publishing agents took longer than its claim; they are published again');
    }
  }

  /** Looks ten times per interval, which keeps it to its length within a tenth. */
  async #sample(): Promise<void> {
    const { pool, sampleSeconds } = this.#parts;
    const now = performance.now();
    if (now - this.#sampledAt < sampleSeconds * 100) return;
    this.#sampledAt = now;
    while ((await sampleContacts(pool, sampleSeconds)) > 0);
  }
}

function messageOf(record: AgentRecord): OutgoingMessage {
  const { agentId, version } = record;
  return {
    key: agentId,
    value: JSON.stringify(record),
    headers: cloudEventHeaders({
      id: uuidv5(`${agentId} ${version}`, NAMESPACE),
      source: '/quell/mitigation',
      type: 'quell.agent.v1',
      subject: agentId,
      extensions: { streamversion: String(version) },
    }),
  };
}
