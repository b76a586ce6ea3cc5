import { createHash, createPublicKey, randomUUID, verify } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  AGENT_BODY_LIMIT_BYTES,
  agentTaskRequest,
  attemptEvent,
  attemptEventsRequest,
  attemptEventsResponse,
  type CheckInRequest,
  checkInRequest,
  checkInResponse,
  enrolRequest,
  enrolResponse,
  type HandedTask,
  handedTask,
  SIGNATURE_LABEL,
} from '@quell/contracts/agent-protocol';
import type { ProblemType } from '@quell/contracts/problem';
import { problemOf } from '@quell/contracts/problem';
import { runPayload } from '@quell/contracts/run-payload';
import { type Backup, type RunResult, runResult } from '@quell/contracts/run-result';
import type { RunMode, TaskKind } from '@quell/contracts/vocabulary';
import { verifySignature } from 'http-message-sig';
import { calculateJwkThumbprint } from 'jose';
import type { z } from 'zod';

/** A task of the counterpart: one current run, handed out under a lease until a result of the latest attempt ends it. */
export interface ServerTask {
  readonly taskId: string;
  readonly kind: TaskKind;
  run: number;
  mode: RunMode;
  payload: HandedTask['payload'];
  attempt: number;
  phase: 'queued' | 'leased' | 'accepted' | 'ended';
  isCancelAsked: boolean;
  readonly results: { readonly run: number; readonly attempt: number; readonly result: RunResult }[];
}

class Refusal extends Error {
  readonly problem: ProblemType;
  constructor(problem: ProblemType, detail: string) {
    super(detail);
    this.problem = problem;
  }
}

/**
 * The agent's counterpart for tests of the agent alone: one enrolled agent, the leases and fences of agent-protocol.md and nothing
 * more. It checks every signature for real and every body against the contract; what does not fit lands in `violations`.
 */
export class ProtocolServer {
  readonly token = `enrol-${randomUUID()}`;
  readonly tasks = new Map<string, ServerTask>();
  readonly violations: string[] = [];
  readonly checkIns: CheckInRequest[] = [];
  readonly enrolments = new Set<string>();
  readonly patterns = new Map<string, string>();
  readonly requests: string[] = [];
  configuration: unknown;
  /** Seconds the server's clock is ahead of this machine's. */
  clockAheadSeconds = 0;
  /** While set, every call is answered with this instead. */
  outage: { readonly status: number; readonly retryAfter?: string } | undefined;
  /** Longer bodies get 413. */
  bodyLimitBytes = AGENT_BODY_LIMIT_BYTES;
  /** Backups that the server knows and that were not put back, by task. */
  readonly restorable = new Map<string, Map<string, Backup>>();
  private agent: { agentId: string; publicKey: z.infer<typeof enrolRequest>['publicKey']; bootId?: string } | undefined;
  private readonly nonces = new Set<string>();
  private readonly seen = new Map<string, number>();
  private readonly restores = new Map<string, { taskId: string; run: number; attempt: number }>();
  private readonly holds = new Set<() => void>();
  private readonly http = createServer((request, response) => void this.serve(request, response));

  async listen(port = 0): Promise<void> {
    await new Promise<void>((resolve) => this.http.listen(port, '127.0.0.1', resolve));
  }

  get port(): number {
    return (this.http.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async close(): Promise<void> {
    this.wake();
    this.http.closeAllConnections();
    await new Promise((resolve) => this.http.close(resolve));
  }

  /** Opens a task; the next check-in hands it out. */
  open(mode: RunMode, payload: z.input<typeof runPayload> = {}, kind: TaskKind = 'threat-mitigation'): ServerTask {
    const common = { run: 1, attempt: 0, phase: 'queued' as const, isCancelAsked: false, results: [] };
    const task: ServerTask = { ...common, taskId: randomUUID(), kind, mode, payload: runPayload.parse(payload) };
    this.tasks.set(task.taskId, task);
    this.wake();
    return task;
  }

  /** Opens the next run of an ended task. */
  reopen(task: ServerTask, mode: RunMode, payload: z.input<typeof runPayload>): void {
    Object.assign(task, {
      run: task.run + 1,
      mode,
      payload: runPayload.parse(payload),
      phase: 'queued',
      isCancelAsked: false,
    });
    this.wake();
  }

  cancel(task: ServerTask): void {
    task.isCancelAsked = true;
    this.wake();
  }

  /** Forgets that the last result arrived, as if its lease had been lost on the way: the run is handed out again. */
  loseDelivery(task: ServerTask): void {
    task.phase = 'queued';
    this.wake();
  }

  private wake(): void {
    for (const hold of [...this.holds]) hold();
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.setHeader('date', new Date(this.now()).toUTCString());
    const path = request.url ?? '/';
    try {
      const body = await readBody(request);
      this.requests.push(`${request.method} ${path}`);
      if (this.outage !== undefined) {
        if (this.outage.retryAfter !== undefined) response.setHeader('retry-after', this.outage.retryAfter);
        return void send(response, this.outage.status, problemOf('unavailable', 'an outage of the test'));
      }
      if (Buffer.byteLength(body) > this.bodyLimitBytes)
        throw new Refusal('payload-too-large', `at most ${this.bodyLimitBytes}`);
      await this.authenticate(request, path, body);
      const [status, answer] = await this.route(request, path, body);
      send(response, status, answer);
    } catch (error) {
      if (!(error instanceof Refusal)) this.violations.push(`${request.method} ${path}: ${error}`);
      const refusal = error instanceof Refusal ? error : new Refusal('internal', String(error));
      const problem = problemOf(refusal.problem, refusal.message);
      send(response, problem.status, problem);
    }
  }

  private async authenticate(request: IncomingMessage, path: string, body: string): Promise<void> {
    const publicKey =
      path === '/v1/agents/enrol' ? this.parse(enrolRequest, JSON.parse(body)).publicKey : this.agent?.publicKey;
    if (publicKey === undefined) throw new Refusal('unauthenticated', 'not enrolled');
    const agentId = await calculateJwkThumbprint(publicKey);
    const digest = `sha-256=:${createHash('sha256').update(body).digest('base64')}:`;
    if (body !== '' && request.headers['content-digest'] !== digest) throw new Refusal('unauthenticated', 'digest');
    const required = ['@method', '@path', '@query', ...(body === '' ? [] : ['content-digest'])];
    const fields = Object.entries(request.headers).map(([name, value]) => ({ name, value: String(value) }));
    try {
      const { parameters } = await verifySignature(
        { kind: 'request', method: request.method ?? '', targetUri: `${this.url}${path}`, fields },
        {
          label: SIGNATURE_LABEL,
          policy: {
            algorithms: ['ed25519'],
            requiredComponents: required,
            requiredParameters: ['created', 'nonce', 'keyid', 'alg'],
            maxAge: 300,
            clockSkew: 30,
            now: Math.floor(this.now() / 1000),
          },
          resolveVerifier: ({ parameters: { keyid } }) => {
            if (keyid !== agentId) throw new Error('another key id');
            const key = createPublicKey({ key: publicKey, format: 'jwk' });
            return { algorithm: 'ed25519', verify: (data, signature) => verify(null, data, key, signature) };
          },
        },
      );
      if (this.nonces.has(parameters.nonce ?? '')) throw new Error('a nonce used before');
      this.nonces.add(parameters.nonce ?? '');
    } catch (error) {
      throw new Refusal('unauthenticated', (error as Error).message);
    }
  }

  private async route(request: IncomingMessage, path: string, body: string): Promise<[number, unknown]> {
    const json = body === '' ? undefined : JSON.parse(body);
    const events = /^\/v1\/tasks\/([^/]+)\/attempts\/(\d+)\/events$/.exec(path);
    const pattern = /^\/v1\/patterns\/([0-9a-f]{64})$/.exec(path);
    if (path === '/v1/agents/enrol') return [200, this.enrol(this.parse(enrolRequest, json))];
    if (path === '/v1/agents/me/check-in') return [200, await this.checkIn(this.parse(checkInRequest, json), request)];
    if (path === '/v1/agents/me/tasks') return [201, this.openForUser(this.parse(agentTaskRequest, json))];
    if (events !== null) {
      const list = this.parse(attemptEventsRequest, json).events;
      const outcomes = list.map((event) => this.event(events[1] ?? '', Number(events[2]), event));
      return [200, attemptEventsResponse.parse({ outcomes })];
    }
    if (path === '/v1/agents/me/configuration' && this.configuration !== undefined) return [200, this.configuration];
    const text = this.patterns.get(pattern?.[1] ?? '');
    if (text !== undefined) return [200, text];
    throw new Refusal('not-found', path);
  }

  private enrol({ enrolmentToken, enrolmentId, publicKey }: z.infer<typeof enrolRequest>): unknown {
    if (enrolmentToken !== this.token) throw new Refusal('unauthenticated', 'token');
    this.enrolments.add(enrolmentId);
    const agentId = createHash('sha256')
      .update(JSON.stringify({ crv: publicKey.crv, kty: publicKey.kty, x: publicKey.x }))
      .digest('base64url');
    this.agent ??= { agentId, publicKey };
    return enrolResponse.parse({ agentId, endpointId: randomUUID(), poll: { holdSeconds: 50, nextPollSeconds: 0 } });
  }

  private async checkIn(said: CheckInRequest, request: IncomingMessage): Promise<unknown> {
    this.checkIns.push(said);
    const outcomes = said.events.map(({ taskId, attempt, ...event }) => this.event(taskId, attempt, event));
    if (this.agent !== undefined && this.agent.bootId !== said.bootId) {
      if (said.host === undefined) this.violations.push('no host facts at a boot');
      this.agent.bootId = said.bootId;
      this.loseWhatIsUnknown(said);
    }
    const deadline = Date.now() + said.waitSeconds * 1000;
    for (;;) {
      const tasks = this.due();
      const cancels = [...this.tasks.values()].filter((task) => task.isCancelAsked && isOut(task)).map(refOf);
      const left = deadline - Date.now();
      if (
        tasks.length + cancels.length + outcomes.length > 0 ||
        left <= 0 ||
        request.destroyed ||
        !this.http.listening
      ) {
        const times = { serverTime: new Date(this.now()).toISOString(), nextPollSeconds: 0 };
        return checkInResponse.parse({ outcomes, tasks, cancels, probes: [], ...times });
      }
      await new Promise<void>((resolve) => {
        const done = () => {
          clearTimeout(timer);
          this.holds.delete(done);
          resolve();
        };
        const timer = setTimeout(done, left);
        this.holds.add(done);
        request.once('close', done);
      });
    }
  }

  /** Delivery 3 and 4: a new boot answers for every lease; what it does not know is dispatched again under a higher attempt. */
  private loseWhatIsUnknown({ running, journalPending, events }: CheckInRequest): void {
    const known = new Set([...running, ...journalPending, ...events].map(({ taskId }) => taskId));
    for (const task of this.tasks.values()) if (isOut(task) && !known.has(task.taskId)) task.phase = 'queued';
  }

  private due(): HandedTask[] {
    const all = [...this.tasks.values()];
    const due: HandedTask[] = [];
    for (const task of all.filter(({ phase }) => phase === 'queued')) {
      const isTaken = all.some((other) => isOut(other) && other.mode !== 'assess');
      if (task.mode !== 'assess' && isTaken) continue;
      task.phase = 'leased';
      task.attempt += 1;
      const at = new Date(this.now()).toISOString();
      const { taskId, run, mode, attempt, kind, payload } = task;
      const payloadSha256 = createHash('sha256').update(JSON.stringify(payload)).digest('hex');
      const limits = { notBefore: at, startBy: at, runTimeoutSeconds: 600, leaseSeconds: 1.5, priority: 0 };
      due.push(handedTask.parse({ taskId, run, mode, attempt, kind, payload, payloadSha256, ...limits }));
    }
    return due;
  }

  private event(taskId: string, attempt: number, raw: unknown): { eventId: string; code: number; late?: true } {
    const parsed = attemptEvent.safeParse(raw);
    if (!parsed.success) {
      this.violations.push(`event of ${taskId}: ${parsed.error.message}`);
      return { eventId: String((raw as { eventId?: string }).eventId), code: 422 };
    }
    const { eventId } = parsed.data;
    const code = this.seen.get(eventId) ?? this.judge(taskId, attempt, parsed.data);
    if (code === 200) this.seen.set(eventId, code);
    return { eventId, code };
  }

  private judge(taskId: string, attempt: number, event: z.infer<typeof attemptEvent>): number {
    const task = this.tasks.get(taskId);
    if (task === undefined || attempt > task.attempt) return 404;
    if (attempt < task.attempt || task.phase === 'queued') return 409;
    if (task.phase === 'ended') return 410;
    if (event.type === 'accepted' || event.type === 'started') {
      if (task.isCancelAsked && task.phase === 'leased') return 410;
      task.phase = 'accepted';
    }
    if (event.type === 'busy') task.phase = 'queued';
    if (event.type !== 'result') return 200;
    const result = runResult.safeParse(event.data);
    if (!result.success) {
      this.violations.push(`result of ${taskId}: ${result.error.message}`);
      return 422;
    }
    const targets = task.payload.targets.map(({ id }) => id);
    const answered = new Set(result.data.threats?.map(({ id }) => id));
    if (result.data.outcome === 'finished' && targets.some((id) => !answered.has(id))) {
      this.violations.push(`result of ${taskId}: a target has no answer`);
    }
    const handed = new Set(task.payload.items?.map(({ id }) => id));
    const restorable = this.restorable.get(taskId) ?? new Map<string, Backup>();
    for (const { id, restored } of result.data.items ?? []) {
      if (!handed.has(id)) this.violations.push(`result of ${taskId}: the item ${id} was not handed out`);
      if (restored) restorable.delete(id);
    }
    for (const backup of result.data.backups ?? []) restorable.set(backup.id, backup);
    this.restorable.set(taskId, restorable);
    task.results.push({ run: task.run, attempt, result: result.data });
    task.phase = 'ended';
    this.wake();
    return 200;
  }

  private openForUser(asked: z.infer<typeof agentTaskRequest>): unknown {
    const known = this.restores.get(asked.requestId);
    if (known !== undefined) return known;
    if (asked.kind !== 'restore') {
      const { taskId } =
        asked.kind === 'on-demand-scan'
          ? this.open('scan', { paths: asked.paths, choose: asked.choose }, asked.kind)
          : this.open('mitigate', { targets: [{ id: 'reported', kind: 'file', path: asked.threat.path }] }, asked.kind);
      return { taskId, run: 1, attempt: 1 };
    }
    const task = this.tasks.get(asked.taskId);
    if (task === undefined) throw new Refusal('not-found', asked.taskId);
    if (task.phase !== 'ended') throw new Refusal('conflict', 'another run of the task is open');
    const backups = this.restorable.get(asked.taskId);
    const items = (asked.items ?? []).flatMap((id) => backups?.get(id) ?? []);
    if (items.length === 0) throw new Refusal('nothing-to-restore', 'none of these items is backed up');
    const payload = runPayload.parse({ items });
    Object.assign(task, { run: task.run + 1, attempt: task.attempt + 1, mode: 'rollback', payload, phase: 'accepted' });
    const partly = items.length === asked.items?.length ? {} : { items: items.map(({ id }) => id) };
    const opened = { taskId: task.taskId, run: task.run, attempt: task.attempt, ...partly };
    this.restores.set(asked.requestId, opened);
    return opened;
  }

  private parse<S extends z.ZodType>(schema: S, value: unknown): z.output<S> {
    const parsed = schema.safeParse(value);
    if (parsed.success) return parsed.data;
    this.violations.push(parsed.error.message);
    throw new Refusal('unprocessable', parsed.error.message);
  }

  private now(): number {
    return Date.now() + this.clockAheadSeconds * 1000;
  }
}

const isOut = ({ phase }: ServerTask) => phase === 'leased' || phase === 'accepted';
const refOf = ({ taskId, run, attempt }: ServerTask) => ({ taskId, run, attempt });

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

function send(response: ServerResponse, status: number, body: unknown): void {
  const isText = typeof body === 'string';
  response.writeHead(status, { 'content-type': isText ? 'text/plain' : 'application/json' });
  response.end(isText ? body : JSON.stringify(body));
}
