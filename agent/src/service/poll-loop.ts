import { setTimeout as delay } from 'node:timers/promises';
import {
  type Capability,
  type CheckInRequest,
  type CheckInResponse,
  checkInResponse,
  type HostFacts,
} from '@quell/contracts/agent-protocol';
import { type RetryLimits, retryDelaySeconds } from '../transport/backoff.ts';
import type { Reply, ServerLink } from '../transport/server-link.ts';
import type { EndpointRestores } from './endpoint-restore.ts';
import type { Outbox } from './outbox.ts';
import type { RunBoard } from './run-board.ts';

export interface PollSettings {
  readonly bootId: string;
  readonly agentVersion: string;
  readonly capabilities: readonly Capability[];
  readonly host: () => HostFacts;
  /** How long the server may hold a check-in. */
  readonly waitSeconds: number;
  readonly limits: RetryLimits;
  /** Check in without waiting and return once nothing is left to do. */
  readonly once: boolean;
}

/** The credential is not accepted, even after the clock was set right. Whoever starts the loop may enrol anew. */
export type OnUnauthenticated = () => Promise<void>;

/** Unanswered runs and running ones that a check-in may list (agent-protocol.ts). */
const MAX_PENDING = 1000;
const MAX_RUNNING = 64;

/** Checks in again and again: the one way the server's wishes reach the agent. */
export class PollLoop {
  private readonly settings: PollSettings;
  private readonly link: ServerLink;
  private readonly outbox: Outbox;
  private readonly board: RunBoard;
  private readonly restores: EndpointRestores;
  private readonly log: (line: string) => void;
  private sentHost = '';

  constructor(
    settings: PollSettings,
    parts: {
      link: ServerLink;
      outbox: Outbox;
      board: RunBoard;
      restores: EndpointRestores;
      log: (line: string) => void;
    },
  ) {
    this.settings = settings;
    this.link = parts.link;
    this.outbox = parts.outbox;
    this.board = parts.board;
    this.restores = parts.restores;
    this.log = parts.log;
  }

  /** Runs until the signal is aborted, or, with `once`, until nothing is left to do. */
  async run(signal: AbortSignal, onUnauthenticated: OnUnauthenticated): Promise<void> {
    let failures = 0;
    while (!signal.aborted) {
      await this.outbox.settled();
      const host = this.settings.host();
      const body = this.checkIn(host);
      const reply = await this.link.call('POST', '/v1/agents/me/check-in', {
        body,
        signal,
        timeoutSeconds: this.settings.waitSeconds + 30,
      });
      const answer = reply.kind === 'answered' ? checkInResponse.safeParse(reply.body) : undefined;
      if (answer?.success) {
        failures = 0;
        this.sentHost = JSON.stringify(host);
        await this.obey(answer.data);
        if (this.settings.once && (await this.isDone(answer.data, signal))) return;
        await pause(pauseAfter(answer.data, this.settings), signal);
        continue;
      }
      if (signal.aborted) return;
      const detail = reply.kind === 'answered' ? `the answer does not fit: ${answer?.error?.message}` : reply.detail;
      this.log(`check-in failed: ${detail}`);
      if (reply.kind === 'later' && reply.status === 401) await onUnauthenticated();
      await pause(
        retryDelaySeconds(failures, this.settings.limits, Math.random(), floorOf(reply, this.settings)),
        signal,
      );
      failures += 1;
    }
  }

  private checkIn(host: HostFacts): CheckInRequest {
    const { bootId, agentVersion, capabilities, waitSeconds, once } = this.settings;
    return {
      bootId,
      agentVersion,
      ...(JSON.stringify(host) === this.sentHost ? {} : { host }),
      capabilities: [...capabilities],
      running: this.board.running().slice(0, MAX_RUNNING),
      journalPending: this.board.journalPending().slice(0, MAX_PENDING),
      events: this.outbox.forCheckIn().map(({ taskId, attempt, event }) => ({ taskId, attempt, ...event })),
      waitSeconds: once ? 0 : waitSeconds,
    };
  }

  /** Probes need nothing of their own: every check-in names what runs and what waits. */
  private async obey({ outcomes, cancels, tasks }: CheckInResponse): Promise<void> {
    await this.outbox.settle(outcomes);
    for (const { taskId, run } of cancels) await this.board.cancel(taskId, run);
    for (const task of tasks) await this.board.take(task);
    await this.restores.announce();
  }

  private async isDone({ tasks, cancels, probes }: CheckInResponse, signal: AbortSignal): Promise<boolean> {
    if (tasks.length + cancels.length + probes.length > 0) return false;
    while (this.board.size > 0 && !signal.aborted) await pause(0.05, signal);
    await this.outbox.settled();
    return this.outbox.waiting.length === 0;
  }
}

/** A run asked to stop takes a moment to do so; the server answers at once as long as it has not. */
const CANCEL_PAUSE_SECONDS = 0.5;

function pauseAfter({ cancels, nextPollSeconds }: CheckInResponse, { once }: PollSettings): number {
  const asked = once ? 0 : nextPollSeconds;
  return cancels.length > 0 ? Math.max(asked, CANCEL_PAUSE_SECONDS) : asked;
}

/** Two live agents on one identity: coming back quickly would only keep the conflict up. */
function floorOf(reply: Reply, { limits }: PollSettings): number | undefined {
  if (reply.kind === 'later') return reply.retryAfterSeconds;
  return limits.capSeconds;
}

async function pause(seconds: number, signal: AbortSignal): Promise<void> {
  await delay(Math.max(0, seconds) * 1000, undefined, { signal }).catch(() => {});
}
