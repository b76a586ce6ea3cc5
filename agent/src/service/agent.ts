import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Capability } from '@quell/contracts/agent-protocol';
import type { Root } from '../confined/roots.ts';
import { enrol, loadEnrolment } from '../identity/enrolment.ts';
import { hostFacts } from '../identity/host-facts.ts';
import { type Identity, loadIdentity } from '../identity/identity.ts';
import { Journal } from '../journal/journal.ts';
import { Vault } from '../quarantine/vault.ts';
import type { ChoosePolicy, RunEnvironment } from '../run/run-environment.ts';
import { refreshConfiguration } from '../settings/configuration.ts';
import { writeDurably } from '../settings/durable-file.ts';
import { PatternStore } from '../settings/pattern-store.ts';
import { type RetryLimits, retryDelaySeconds } from '../transport/backoff.ts';
import { ServerLink } from '../transport/server-link.ts';
import { holdStateDir } from './control-socket.ts';
import { EndpointRestores, type RestoreAnswer } from './endpoint-restore.ts';
import { Outbox } from './outbox.ts';
import { PollLoop } from './poll-loop.ts';
import { RunBoard } from './run-board.ts';

export const AGENT_VERSION = '0.1.0';

/** What this agent can do on any platform it runs on: it works on files. */
const CAPABILITIES: readonly Capability[] = ['assess', 'mitigate', 'scan', 'rollback'];

/** How long runs at work may take to end when the agent is stopped; what is not done then goes on at the next start. */
const SHUTDOWN_GRACE_MS = 3_000;
const CONFIGURATION_EVERY_SECONDS = 600;

/** What runs work with, whether an agent polls or a single command does its work. */
export interface EnvironmentOptions {
  readonly roots: readonly Root[];
  readonly stateDir: string;
  readonly hashFiles: readonly string[];
  readonly patternFiles: readonly string[];
  readonly choose: ChoosePolicy;
  readonly log: (line: string) => void;
}

export interface AgentOptions extends EnvironmentOptions {
  readonly url: string;
  /** Needed until the agent is enrolled. */
  readonly token?: string;
  readonly deviceId?: string;
  readonly hostname?: string;
  readonly once: boolean;
  readonly limits: RetryLimits;
  /** How long a check-in may be held. */
  readonly waitSeconds: number;
}

/** The server will not take this agent: a wrong token, or an endpoint held by another agent. Trying again changes nothing. */
export class EnrolmentRefused extends Error {
  constructor(detail: string) {
    super(`the server refuses the enrolment: ${detail}`);
    this.name = 'EnrolmentRefused';
  }
}

/**
 * Runs the agent until the signal is aborted, or, with `once`, until nothing is left to do.
 *
 * @throws AlreadyRunning, EnrolmentRefused, or what reading the state folder throws
 */
export async function runAgent(options: AgentOptions, signal: AbortSignal): Promise<void> {
  const { stateDir, log, limits } = options;
  await using parts = new AsyncDisposableStack();
  let restores: EndpointRestores | undefined;
  const hold = await holdStateDir(stateDir, async ({ taskId, items }) => {
    return restores?.restore(taskId, items) ?? { ok: false, detail: 'the agent is starting; try again' };
  });
  parts.defer(hold.release);
  // For `restore` while no agent runs.
  await writeDurably(join(stateDir, 'roots.json'), JSON.stringify(options.roots.map(({ given }) => given)));
  const identity = await loadIdentity(stateDir);
  const link = new ServerLink(options.url, identity);
  parts.defer(() => link.close());
  const environment = await openEnvironment(options, link);
  parts.defer(() => environment.journal.close());
  const { outbox, board } = openBoard(environment, link, limits);
  restores = new EndpointRestores(environment, board, link);
  log(`agent ${identity.agentId}, state in ${stateDir}, roots ${options.roots.map(({ real }) => real).join(', ')}`);
  const ending = new AbortController();
  const sending = outbox.run(ending.signal);
  board.resume();
  try {
    await ensureEnrolled(options, identity, link, signal);
    if (!signal.aborted) await environment.refreshConfiguration();
    const configuring = keepConfiguration(environment, ending.signal);
    const settings = {
      ...{ bootId: randomUUID(), agentVersion: AGENT_VERSION, capabilities: CAPABILITIES },
      ...{ waitSeconds: options.waitSeconds, limits, once: options.once, host: () => hostFacts(options) },
    };
    const poll = new PollLoop(settings, { link, outbox, board, restores, log });
    await poll.run(signal, () => enrolAgain(options, identity, link));
    await board.shutdown(SHUTDOWN_GRACE_MS);
    await Promise.race([outbox.settled(), delay(1_000, undefined, { ref: false })]);
    ending.abort();
    await configuring;
  } finally {
    ending.abort();
    await board.shutdown(0);
    await sending;
  }
}

/**
 * Restores backups of a task while no agent runs on the state folder: at once, under the journal. The server is told now if it can be
 * reached, else by the agent's next start.
 *
 * @throws AlreadyRunning when an agent does run: ask that one
 */
export async function restoreWithoutAgent(
  options: EnvironmentOptions & { readonly url: string },
  taskId: string,
  items: readonly string[],
): Promise<RestoreAnswer> {
  await using parts = new AsyncDisposableStack();
  const refuse = async () => ({ ok: false, detail: 'a restore is at work; try again' });
  parts.defer((await holdStateDir(options.stateDir, refuse)).release);
  const link = new ServerLink(options.url, await loadIdentity(options.stateDir));
  parts.defer(() => link.close());
  const environment = await openEnvironment(options, link);
  parts.defer(() => environment.journal.close());
  const { outbox, board } = openBoard(environment, link, { baseSeconds: 1, capSeconds: 1 });
  const ending = new AbortController();
  const sending = outbox.run(ending.signal);
  try {
    const answer = await new EndpointRestores(environment, board, link).restore(taskId, items);
    await outbox.settled();
    return answer;
  } finally {
    ending.abort();
    await sending;
  }
}

function openBoard(environment: RunEnvironment, link: ServerLink, limits: RetryLimits) {
  const outbox: Outbox = new Outbox(link, limits, environment.log, {
    onAnswer: (outgoing, code) => board.onAnswer(outgoing, code),
    shorter: (outgoing) => board.shorter(outgoing),
  });
  const board: RunBoard = new RunBoard(environment, outbox);
  return { outbox, board };
}

/** Opens journal and vault and puts right what a crash left in two places. A vault that cannot be opened is each run's fault to report. */
async function openEnvironment(options: EnvironmentOptions, link: ServerLink): Promise<RunEnvironment> {
  const { stateDir, log } = options;
  const vault = await Vault.open(stateDir).catch((error: Error) => {
    log(`the quarantine cannot be used: ${error.message}`);
    return undefined;
  });
  await vault?.repair();
  return {
    ...{ roots: options.roots, stateDir, choose: options.choose, agentVersion: AGENT_VERSION, log },
    ...{ hashFiles: options.hashFiles, patternFiles: options.patternFiles },
    journal: await Journal.open(stateDir),
    patterns: new PatternStore(stateDir, link),
    now: () => new Date().toISOString(),
    refreshConfiguration: async () => {
      const problem = await refreshConfiguration(link, stateDir);
      if (problem !== undefined) log(`configuration not refreshed: ${problem}`);
    },
  };
}

/** How long 401 has to be the answer before the enrolment token is blamed. */
const REFUSED_FOR_GOOD_MS = 2_500;

async function ensureEnrolled(
  options: AgentOptions,
  identity: Identity,
  link: ServerLink,
  signal: AbortSignal,
): Promise<void> {
  const { token, stateDir, url, log, limits } = options;
  let kept = await loadEnrolment(stateDir, url);
  let refusedSince: number | undefined;
  for (let failures = 0; kept.enrolled === undefined && !signal.aborted; failures += 1) {
    if (token === undefined) throw new EnrolmentRefused('not enrolled yet: give an enrolment token with --token');
    const { reply, enrolment } = await enrol(link, identity, stateDir, kept, token, hostFacts(options));
    kept = enrolment;
    if (reply.kind === 'answered') return log(`enrolled as endpoint ${kept.enrolled?.endpointId}`);
    // A server that has just started refuses what was signed in the second of its start, whatever the token; a wrong clock was set
    // right by the first answer. What is still refused after a while is the token.
    if (reply.status === 401) refusedSince ??= performance.now();
    else refusedSince = undefined;
    const isTheToken = refusedSince !== undefined && performance.now() - refusedSince > REFUSED_FOR_GOOD_MS;
    if (reply.kind === 'refused' || isTheToken) throw new EnrolmentRefused(reply.detail);
    log(`not enrolled yet: ${reply.detail}`);
    const seconds = retryDelaySeconds(failures, limits, Math.random(), reply.retryAfterSeconds);
    await delay(seconds * 1000, undefined, { signal }).catch(() => {});
  }
}

/** A server that lost its memory of this agent can be told again: same id, same key. The journal is not touched either way. */
async function enrolAgain(options: AgentOptions, identity: Identity, link: ServerLink): Promise<void> {
  if (options.token === undefined) return;
  const kept = await loadEnrolment(options.stateDir, options.url);
  const { reply } = await enrol(link, identity, options.stateDir, kept, options.token, hostFacts(options));
  options.log(reply.kind === 'answered' ? 'enrolled again' : `not enrolled again: ${reply.detail}`);
}

async function keepConfiguration(environment: RunEnvironment, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await delay(CONFIGURATION_EVERY_SECONDS * 1000, undefined, { signal }).catch(() => {});
    if (!signal.aborted) await environment.refreshConfiguration();
  }
}
