import { randomBytes, randomUUID } from 'node:crypto';
import type { Capability } from '@quell/contracts/agent-protocol';
import type { NormalisedDetection } from '@quell/contracts/detection';
import { detectionIdOf, eventIdOf } from '@quell/contracts/detection-identity';
import type { MitigationPolicy } from '@quell/contracts/mitigation-policy';
import type { RunResult } from '@quell/contracts/run-result';
import { inTransaction } from '@quell/service-kit/transaction';
import type { Pool } from 'pg';
import { changeTask } from '../commands/change-task.ts';
import { openScan } from '../commands/open-scan.ts';
import { type TestDatabase, testDatabase } from '../database/test-database.fixture.ts';
import { handOut } from '../delivery/hand-out.ts';
import { takeReports } from '../delivery/take-reports.ts';
import { type Taken, takeDetections } from '../detections/take.ts';
import { defaultPolicy, type EffectivePolicy, effectivePolicy } from '../policy/policy.ts';
import type { Decision } from '../task/decision.ts';
import { everything } from '../task/steps.fixture.ts';
import type { Task } from '../task/task.ts';
import { loadTasks } from './task-store.ts';

/** A machine with its agent. */
export interface TestEndpoint {
  readonly endpointId: string;
  readonly agentId: string;
  readonly deviceId: string;
  readonly hostname: string;
}

export interface Said {
  readonly type: 'accepted' | 'started' | 'progress' | 'busy' | 'result';
  readonly data?: unknown;
  readonly eventId?: string;
}

/** A real database of this service, and what happens to tasks in it, each thing one call. */
export type Scene = Awaited<ReturnType<typeof openScene>>;

export async function openScene() {
  const database: TestDatabase = await testDatabase();
  const { pool } = database;
  const policy = effectivePolicy(defaultPolicy());
  let number = 0;

  /** An endpoint with an agent, found by its deviceId, agentId or host name; without `agent` a device that has none. */
  async function endpoint({ agent = true, ips = [] as string[], platform = 'linux' } = {}): Promise<TestEndpoint> {
    const named = {
      endpointId: randomUUID(),
      agentId: randomBytes(32).toString('base64url'),
      deviceId: `device-${++number}`,
      hostname: `host-${number}`,
    };
    const { endpointId, agentId, deviceId, hostname } = named;
    await pool.query(
      `INSERT INTO mitigation.endpoint (endpoint_id, agent_id, device_id, hostname, platform, ips) VALUES ($1, $2, $3, $4, $5, $6)`,
      [endpointId, agent ? agentId : null, deviceId, hostname, platform, ips],
    );
    if (agent) {
      await pool.query(
        `INSERT INTO mitigation.agent (agent_id, public_key, endpoint_id, enrolment_id, status) VALUES ($1, '{}', $2, $3, 'active')`,
        [agentId, endpointId, randomUUID()],
      );
    }
    return named;
  }

  const task = async (taskId: string): Promise<Task> => {
    const found = await inTransaction(pool, (client) => loadTasks(client, [taskId]));
    const one = found.get(taskId);
    if (one === undefined) throw new Error(`there is no task ${taskId}`);
    return one;
  };

  const take = (detections: readonly NormalisedDetection[], by: EffectivePolicy = policy): Promise<Taken> =>
    inTransaction(pool, (client) => takeDetections(client, detections, by));

  /** Takes one new detection of a file and returns the task it went to. */
  const detect = async (on: TestEndpoint, more: Parameters<typeof detectionOn>[1] = {}, by = policy) =>
    taskOf(await take([detectionOn(on, more)], by));

  const askFor = (on: TestEndpoint, bootId = 'boot-1', capabilities: readonly Capability[] = everything) =>
    handOut(pool, policy, { ...on, bootId, capabilities }, randomUUID());

  /** What the agent says of an attempt; answers the codes. */
  async function say(on: { agentId: string }, taskId: string, attempt: number, ...said: Said[]) {
    const sent = said.map((one) => ({ taskId, attempt, body: reportOf(one) }));
    const { outcomes } = await takeReports(pool, policy, on, sent);
    return outcomes;
  }

  /** Hands the one due run out, accepts it and ends it. */
  async function work(on: TestEndpoint, result?: RunResult) {
    const [handed] = await askFor(on);
    if (handed === undefined) throw new Error('nothing is due');
    const { taskId, attempt } = handed;
    const outcomes = await say(
      on,
      taskId,
      attempt,
      { type: 'accepted' },
      { type: 'result', data: result ?? resolving(handed.payload.targets.map(({ id }) => id)) },
    );
    return { handed, codes: outcomes.map(({ code }) => code) };
  }

  const command = (taskId: string, decide: (task: Task) => Decision) =>
    changeTask(pool, policy, taskId, decide, { actor: 'key:test', requestId: randomUUID() });

  const scan = async (on: TestEndpoint) => {
    const request = { kind: 'on-demand-scan', severity: 0, endpoint: { endpointId: on.endpointId } } as const;
    const answer = await openScan(pool, policy, request, { actor: 'key:test' });
    if (!answer.ok) throw new Error(answer.detail);
    return answer.task.id;
  };

  const rows = async (sql: string, ...values: unknown[]) => (await pool.query(sql, values)).rows;
  const workRow = async (taskId: string) => (await rows('SELECT * FROM mitigation.work WHERE task_id = $1', taskId))[0];
  /** Moves every clock of a task's run (or one) as if `seconds` had gone by. */
  const age = (taskId: string, seconds: number) =>
    rows(
      `UPDATE mitigation.work SET ${aging.map((column) => `${column} = ${column} - make_interval(secs => $2)`).join(', ')}
       WHERE task_id = $1`,
      taskId,
      seconds,
    );
  const seen = (on: { agentId: string }, secondsAgo = 0) =>
    rows(
      `INSERT INTO mitigation.agent_last_seen VALUES ($1, now() - make_interval(secs => $2))
       ON CONFLICT (agent_id) DO UPDATE SET last_seen_at = excluded.last_seen_at`,
      on.agentId,
      secondsAgo,
    );

  return {
    database,
    pool: pool as Pool,
    policy,
    endpoint,
    task,
    take,
    detect,
    askFor,
    say,
    work,
    command,
    scan,
    rows,
    workRow,
    age,
    seen,
    close: () => database.drop(),
  };
}

const aging = [
  'requested_at',
  'not_before',
  'first_accepted_at',
  'lease_expires_at',
  'cancel_requested_at',
  'queue_due_at',
  'total_due_at',
  'run_due_at',
  'cancel_due_at',
  'next_due_at',
];

/** The policy before anybody set one, with changes. */
export const policyWith = (changes: Partial<MitigationPolicy>): EffectivePolicy =>
  effectivePolicy({ ...defaultPolicy(), ...changes });

let detections = 0;

/** A normalised detection as ingest would send it. A new source id unless `sourceId` says which. */
export function detectionOn(
  on: Pick<TestEndpoint, 'deviceId'> | { readonly hint: NormalisedDetection['endpoint'] },
  more: Partial<Pick<NormalisedDetection, 'sourceId' | 'severity' | 'threat' | 'detectedAt' | 'source'>> = {},
): NormalisedDetection {
  const content = {
    source: 'edr',
    sourceId: `alert-${++detections}`,
    detectedAt: '2026-11-23T10:00:00.000Z',
    severity: 4 as const,
    threat: { name: 'EICAR', path: '/srv/ann/eicar.com' },
    endpoint: 'hint' in on ? on.hint : { deviceId: on.deviceId },
    ...more,
  };
  const detectionId = detectionIdOf(content.source, content.sourceId);
  const eventId = eventIdOf(detectionId, 'create', content);
  return { ...content, detectionId, eventId, activity: 'create', receivedAt: '2026-11-23T10:00:00.500Z' };
}

/** The task that a batch of one detection went to. */
export function taskOf({ decided }: Taken): string {
  const disposition = decided[0]?.disposition;
  if (disposition === undefined || !('taskId' in disposition)) throw new Error(`no task: ${disposition?.kind}`);
  return disposition.taskId;
}

export const reportOf = ({ type, data, eventId = randomUUID() }: Said) => ({
  eventId,
  type,
  at: '2026-11-23T10:00:01Z',
  ...(data === undefined ? {} : { data }),
});

/** A finished run that resolved these threats and can give each back. */
export const resolving = (ids: readonly string[]): RunResult => ({
  outcome: 'finished',
  threats: ids.map((id) => ({ id, name: 'EICAR', path: '/srv/ann/eicar.com', outcome: 'resolved' })),
  backups: ids.map((id) => ({ id: `b-${id}`, threatId: id, kind: 'file', path: '/srv/ann/eicar.com' })),
});

/** A finished run that failed on these threats: action required. */
export const failing = (ids: readonly string[]): RunResult => ({
  outcome: 'finished',
  threats: ids.map((id) => ({ id, name: 'EICAR', path: '/srv/ann/eicar.com', outcome: 'failed', error: 'locked' })),
});
