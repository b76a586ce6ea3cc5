import type { CampaignRequest } from '@quell/contracts/campaign';
import { matchException } from '@quell/contracts/exception-match';
import { uuidv5 } from '@quell/contracts/uuidv5';
import type { ChunkOutcome, JobKind, RunningJob } from '@quell/service-kit/jobs/job-kind';
import type { ClientBase, Pool } from 'pg';
import { v7 as uuidv7 } from 'uuid';
import type { OnTaskChange } from '../delivery/on-task-change.ts';
import { loadEndpoints } from '../endpoints/match-endpoints.ts';
import { loadExceptions } from '../exceptions/load.ts';
import { type EffectivePolicy, queueIsFull } from '../policy/policy.ts';
import type { PolicyStore } from '../policy/policy-store.ts';
import { openTask } from '../task/opening.ts';
import { isConflict, TaskConflict } from '../task-store/conflict.ts';
import { countQueued } from '../task-store/queued.ts';
import { eventIdOf } from '../task-store/stream.ts';
import { commitTasks, type TaskChange } from '../task-store/task-store.ts';
import { eachTarget, NO_AGENT, type Target } from './targeting.ts';

export const CAMPAIGN = 'campaign';

/** Tasks of one transaction. */
const CHUNK = 100;
/** How often a campaign that may open no more at one time looks whether one of its tasks has ended. */
const PACE_MS = 1000;

interface CampaignInput {
  readonly campaignId: string;
}

/** The first target whose turn comes next. */
interface Opening {
  readonly at: number;
}

export interface CampaignParts {
  readonly pool: Pool;
  readonly longReads: Pool;
  readonly policies: PolicyStore;
  readonly onTaskChange: OnTaskChange;
}

interface Campaign {
  readonly id: string;
  readonly request: Omit<CampaignRequest, 'preview'>;
  readonly selection: string | null;
  readonly created_by: string;
  readonly cancel_requested_at: Date | null;
}

/** The id of the task that a campaign opens on an endpoint: however often it is tried, it is one. */
export function campaignTaskId(campaignId: string, endpointId: string): string {
  return uuidv5(endpointId, campaignId);
}

/** Fixes what a campaign means, then opens its tasks, chunk after chunk, each in the transaction that notes it. */
export function campaignJob(parts: CampaignParts): JobKind<CampaignInput, Opening> {
  return {
    kind: CAMPAIGN,
    mayPass: isConflict,
    async step(job, signal) {
      const campaign = await loadCampaign(parts.pool, job.input.campaignId);
      if (campaign.cancel_requested_at !== null) return { ...standing(job), done: true };
      if (job.checkpoint === undefined) return select(parts, campaign, signal);
      const { checkpoint } = job;
      const room = await roomOf(parts.pool, campaign);
      if (room === 0) return { ...standing(job), pauseMilliseconds: PACE_MS };
      const policy = await parts.policies.current();
      return async (client) => {
        const opened = await openChunk(client, policy, campaign, checkpoint.at, room);
        return {
          checkpoint: { at: opened.next },
          progress: { ...job.progress, done: job.progress.done + opened.targets },
          done: opened.isLast,
          committed: () => parts.onTaskChange(opened.endpointIds),
        };
      };
    },
  };
}

function standing(job: RunningJob<CampaignInput, Opening>): ChunkOutcome<Opening> {
  return { checkpoint: job.checkpoint ?? { at: 0 }, progress: job.progress };
}

async function loadCampaign(pool: Pool, id: string): Promise<Campaign> {
  const { rows } = await pool.query<Campaign>(
    'SELECT id, request, selection, created_by, cancel_requested_at FROM mitigation.campaign WHERE id = $1',
    [id],
  );
  if (rows[0] === undefined) throw new Error(`there is no campaign ${id}`);
  return rows[0];
}

/** Writes down what the query means at one moment. One that was broken off is begun anew: its rows count for nothing. */
async function select({ pool, longReads }: CampaignParts, campaign: Campaign, signal: AbortSignal) {
  const { id, request } = campaign;
  if (campaign.selection !== null) {
    await pool.query('DELETE FROM mitigation.campaign_target WHERE selection = $1', [campaign.selection]);
  }
  const selection = uuidv7();
  await pool.query('UPDATE mitigation.campaign SET selection = $2 WHERE id = $1', [id, selection]);
  let total = 0;
  let skipped = 0;
  for await (const targets of eachTarget(longReads, request.query, signal)) {
    await keepTargets(pool, selection, total, targets);
    total += targets.length;
    skipped += targets.filter((target) => target.skipped !== undefined).length;
  }
  const isOther = request.expectedCount !== undefined && request.expectedCount !== total;
  const error = isOther ? `The query means ${total} by now, not ${request.expectedCount}. Nothing was opened.` : null;
  return async (client: ClientBase): Promise<ChunkOutcome<Opening>> => {
    const { rowCount } = await client.query(
      `UPDATE mitigation.campaign SET state = $3, error = $4, selected_at = now(), total = $5, skipped = $6
       WHERE id = $1 AND selection = $2`,
      [id, selection, isOther ? 'failed' : 'opening', error, total, skipped],
    );
    if (rowCount !== 1) throw new TaskConflict('another replica selects the endpoints of this campaign');
    return { checkpoint: { at: 0 }, progress: { done: skipped, total, failed: 0 }, done: isOther };
  };
}

async function keepTargets(pool: Pool, selection: string, from: number, targets: readonly Target[]): Promise<void> {
  const of = (read: (target: Target) => string | undefined) => targets.map((target) => read(target) ?? null);
  await pool.query(
    `INSERT INTO mitigation.campaign_target (selection, position, endpoint_id, device_id, hostname, state, reason)
     SELECT $1, $2 + n - 1, endpoint_id, device_id, hostname, CASE WHEN reason IS NULL THEN 'waiting' ELSE 'skipped' END, reason
     FROM unnest($3::uuid[], $4::text[], $5::text[], $6::text[]) WITH ORDINALITY AS t (endpoint_id, device_id, hostname, reason, n)`,
    [
      selection,
      from,
      of(({ endpointId }) => endpointId),
      of(({ deviceId }) => deviceId),
      of(({ hostname }) => hostname),
      of(({ skipped }) => skipped),
    ],
  );
}

/** How many more tasks the campaign may open now, of one chunk at most. */
async function roomOf(pool: Pool, { selection, request }: Campaign): Promise<number> {
  if (request.maxConcurrent === undefined) return CHUNK;
  const { rows } = await pool.query<{ working: number }>(
    `SELECT count(*)::int AS working FROM mitigation.campaign_target t JOIN mitigation.work w USING (task_id) WHERE t.selection = $1`,
    [selection],
  );
  return Math.max(0, Math.min(CHUNK, request.maxConcurrent - (rows[0]?.working ?? 0)));
}

interface OpenedChunk {
  readonly next: number;
  readonly targets: number;
  readonly isLast: boolean;
  readonly endpointIds: readonly string[];
}

/** @throws TaskConflict when the campaign was cancelled meanwhile, or a task of it is there already */
async function openChunk(
  client: ClientBase,
  policy: EffectivePolicy,
  campaign: Campaign,
  at: number,
  room: number,
): Promise<OpenedChunk> {
  const { rows } = await client.query<{ position: number; endpoint_id: string }>(
    `SELECT position, endpoint_id FROM mitigation.campaign_target
     WHERE selection = $1 AND position >= $2 AND state = 'waiting' ORDER BY position LIMIT $3`,
    [campaign.selection, at, room],
  );
  const decided = await decideTargets(client, policy, campaign, rows);
  await commitTasks(
    client,
    decided.flatMap(({ change }) => (change === undefined ? [] : [change])),
    policy,
  );
  const opened = decided.filter(({ change }) => change !== undefined);
  const isLast = rows.length === 0;
  // Whoever cancels finds every task that was opened, because none is opened after that.
  const { rowCount } = await client.query(
    `UPDATE mitigation.campaign SET opened = opened + $2, skipped = skipped + $3, state = CASE WHEN $4 THEN 'opened' ELSE state END
     WHERE id = $1 AND cancel_requested_at IS NULL`,
    [campaign.id, opened.length, decided.length - opened.length, isLast],
  );
  if (rowCount !== 1) throw new TaskConflict('the campaign was cancelled');
  await client.query(
    `UPDATE mitigation.campaign_target t SET state = CASE WHEN d.task_id IS NULL THEN 'skipped' ELSE 'opened' END,
       reason = d.reason, task_id = d.task_id
     FROM unnest($2::int[], $3::uuid[], $4::text[]) AS d (position, task_id, reason)
     WHERE t.selection = $1 AND t.position = d.position`,
    [
      campaign.selection,
      decided.map(({ position }) => position),
      decided.map(({ change }) => change?.taskId ?? null),
      decided.map(({ reason }) => reason ?? null),
    ],
  );
  return {
    next: (rows.at(-1)?.position ?? at) + 1,
    targets: rows.length,
    isLast,
    endpointIds: opened.map(({ endpointId }) => endpointId),
  };
}

interface DecidedTarget {
  readonly position: number;
  readonly endpointId: string;
  readonly change?: TaskChange;
  /** Why there is none. */
  readonly reason?: string;
}

async function decideTargets(
  client: ClientBase,
  policy: EffectivePolicy,
  { id, request, created_by: actor }: Campaign,
  rows: readonly { readonly position: number; readonly endpoint_id: string }[],
): Promise<DecidedTarget[]> {
  const endpointIds = rows.map((row) => row.endpoint_id);
  const endpoints = await loadEndpoints(client, endpointIds);
  const queued = await countQueued(client, endpointIds);
  const exceptions = await loadExceptions(client);
  const { paths, patterns = [], scanQueryUrl } = request.payload ?? {};
  const payload = {
    targets: [],
    patterns,
    choose: false,
    promptTimeoutSeconds: 300,
    ...(paths === undefined ? {} : { paths }),
    ...(scanQueryUrl === undefined ? {} : { scanQueryUrl }),
  };
  const occurredAt = new Date();
  return rows.map(({ position, endpoint_id: endpointId }) => {
    const endpoint = endpoints.get(endpointId);
    const waiting = queued.get(endpointId) ?? 0;
    if (endpoint?.agentId === undefined) return { position, endpointId, reason: NO_AGENT };
    if (waiting >= policy.maxQueuedTasks) return { position, endpointId, reason: queueIsFull(waiting) };
    const taskId = campaignTaskId(id, endpointId);
    const events = openTask(
      { kind: 'on-demand-scan', initiator: 'administrator', severity: request.severity, endpoint, payload },
      policy,
      matchException(endpoint, exceptions),
    ).map((event, index) => ({
      id: eventIdOf(taskId, id, index),
      event,
      envelope: { actor, correlationId: id, causationId: id, occurredAt },
    }));
    return { position, endpointId, change: { taskId, expectedVersion: 0, events } };
  });
}
