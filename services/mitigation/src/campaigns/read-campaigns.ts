import type { CampaignDto, CampaignRequest, CampaignTarget, CampaignTargetQuery } from '@quell/contracts/campaign';
import { timestamp, uuid } from '@quell/contracts/vocabulary';
import { decodeCursor, type Page, pageOf } from '@quell/service-kit/cursor';
import type { Pool } from 'pg';
import { z } from 'zod';

interface CampaignRow {
  readonly id: string;
  readonly request: Omit<CampaignRequest, 'preview'>;
  readonly state: 'selecting' | 'opening' | 'opened' | 'failed';
  readonly error: string | null;
  readonly created_by: string;
  readonly created_at: Date;
  readonly selection: string | null;
  readonly selected_at: Date | null;
  readonly total: number;
  readonly opened: number;
  readonly skipped: number;
  readonly cancel_requested_at: Date | null;
  readonly cancel_queued: 'withdraw' | 'keep' | null;
  /** Whether a task of it is in progress. */
  readonly working: boolean;
}

const SELECT = `
  SELECT c.id, c.request, c.state, c.error, c.created_by, c.created_at, c.selection, c.selected_at, c.total, c.opened, c.skipped,
    c.cancel_requested_at, c.cancel_queued,
    EXISTS (SELECT FROM mitigation.work w JOIN mitigation.campaign_target t USING (task_id) WHERE t.selection = c.selection) AS working
  FROM mitigation.campaign c`;

const position = z.tuple([timestamp, uuid]);

/** Campaigns, the newest first. */
export async function listCampaigns(
  pool: Pool,
  { limit, cursor }: { readonly limit: number; readonly cursor?: string | undefined },
): Promise<Page<CampaignDto>> {
  const after = cursor === undefined ? undefined : decodeCursor(cursor, position);
  const { rows } = await pool.query<CampaignRow>(
    `${SELECT} WHERE $1::timestamptz IS NULL OR c.created_at < $1 OR (c.created_at = $1 AND c.id > $2)
     ORDER BY c.created_at DESC, c.id LIMIT $3`,
    [after?.[0] ?? null, after?.[1] ?? null, limit + 1],
  );
  return pageOf(rows, limit, campaignDtoOf, (row) => [row.created_at.toISOString(), row.id]);
}

/** One campaign with what became of its tasks, or undefined. */
export async function findCampaign(pool: Pool, id: string): Promise<CampaignDto | undefined> {
  const { rows } = await pool.query<CampaignRow>(`${SELECT} WHERE c.id = $1`, [id]);
  const [campaign] = rows;
  if (campaign === undefined) return undefined;
  const statuses = await pool.query<{ status: keyof NonNullable<CampaignDto['tasks']>['byStatus']; tasks: number }>(
    // A task that the list does not have yet has just been opened.
    `SELECT coalesce(v.status_code, 'mitigation-in-progress') AS status, count(*)::int AS tasks
     FROM mitigation.campaign_target t LEFT JOIN mitigation.task_view v USING (task_id)
     WHERE t.selection = $1 AND t.state = 'opened' GROUP BY 1 ORDER BY 1`,
    [campaign.selection],
  );
  const byStatus = Object.fromEntries(statuses.rows.map(({ status, tasks }) => [status, tasks]));
  const inProgress = byStatus['mitigation-in-progress'] ?? 0;
  return { ...campaignDtoOf(campaign), tasks: { inProgress, ended: campaign.opened - inProgress, byStatus } };
}

function campaignDtoOf(row: CampaignRow): CampaignDto {
  const { name, query, severity, payload, maxConcurrent } = row.request;
  const { total, opened, skipped } = row;
  return {
    id: row.id,
    ...(name === undefined ? {} : { name }),
    state: stateOf(row),
    ...(row.error === null ? {} : { error: row.error }),
    query,
    severity,
    ...(payload === undefined ? {} : { payload }),
    ...(maxConcurrent === undefined ? {} : { maxConcurrent }),
    createdBy: row.created_by,
    createdAt: row.created_at.toISOString(),
    ...(row.selected_at === null ? {} : { selectedAt: row.selected_at.toISOString() }),
    ...(row.cancel_requested_at === null || row.cancel_queued === null
      ? {}
      : { cancel: { requestedAt: row.cancel_requested_at.toISOString(), queuedTasks: row.cancel_queued } }),
    targets: { total, waiting: total - opened - skipped, opened, skipped },
  };
}

function stateOf({ state, working, cancel_requested_at: cancelled }: CampaignRow): CampaignDto['state'] {
  if (state === 'failed') return 'failed';
  if (cancelled !== null) return 'cancelled';
  if (state !== 'opened') return state;
  return working ? 'running' : 'finished';
}

interface TargetRow {
  readonly position: number;
  readonly endpoint_id: string | null;
  readonly device_id: string | null;
  readonly hostname: string | null;
  readonly state: CampaignTarget['state'];
  readonly reason: string | null;
  readonly task_id: string | null;
  readonly status_code: NonNullable<CampaignTarget['status']> | null;
}

const MOST_TARGETS = 2_147_483_647;
const targetPosition = z.tuple([z.int().min(-1).max(MOST_TARGETS)]);

/** What a campaign was found to mean, in the order in which it was found; undefined when there is no such campaign. */
export async function listTargets(
  pool: Pool,
  id: string,
  { limit, cursor, state }: CampaignTargetQuery,
): Promise<Page<CampaignTarget> | undefined> {
  const [after] = cursor === undefined ? [-1] : decodeCursor(cursor, targetPosition);
  const campaigns = await pool.query<{ selection: string | null }>(
    'SELECT CASE WHEN selected_at IS NOT NULL THEN selection END AS selection FROM mitigation.campaign WHERE id = $1',
    [id],
  );
  if (campaigns.rows[0] === undefined) return undefined;
  const { rows } = await pool.query<TargetRow>(
    `SELECT t.position, t.endpoint_id, t.device_id, t.hostname, t.state, t.reason, t.task_id,
       CASE WHEN t.task_id IS NOT NULL THEN coalesce(v.status_code, 'mitigation-in-progress') END AS status_code
     FROM mitigation.campaign_target t LEFT JOIN mitigation.task_view v USING (task_id)
     WHERE t.selection = $1 AND t.position > $2 AND ($3::text[] IS NULL OR t.state = ANY($3))
     ORDER BY t.position LIMIT $4`,
    [campaigns.rows[0].selection, after, state ?? null, limit + 1],
  );
  return pageOf(rows, limit, targetDtoOf, (row) => [row.position]);
}

function targetDtoOf(row: TargetRow): CampaignTarget {
  return {
    ...(row.endpoint_id === null ? {} : { endpointId: row.endpoint_id }),
    ...(row.device_id === null ? {} : { deviceId: row.device_id }),
    ...(row.hostname === null ? {} : { hostname: row.hostname }),
    state: row.state,
    ...(row.reason === null ? {} : { reason: row.reason }),
    ...(row.task_id === null ? {} : { taskId: row.task_id }),
    ...(row.status_code === null ? {} : { status: row.status_code }),
  };
}
