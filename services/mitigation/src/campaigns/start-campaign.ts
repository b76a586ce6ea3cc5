import { createHash } from 'node:crypto';
import type { CampaignDto, CampaignPreview, CampaignRequest } from '@quell/contracts/campaign';
import { canonicalJson } from '@quell/contracts/detection-identity';
import type { DeviceQuery } from '@quell/contracts/device-query';
import type { Jobs } from '@quell/service-kit/jobs/jobs';
import type { LongReadPlaces } from '@quell/service-kit/long-reads';
import { inTransaction } from '@quell/service-kit/transaction';
import type { Pool } from 'pg';
import { v5 as uuidv5, v7 as uuidv7 } from 'uuid';
import { CAMPAIGN } from './campaign-job.ts';
import { findCampaign } from './read-campaigns.ts';
import { eachTarget } from './targeting.ts';

const NAMESPACE = '5d7f0a5e-2b0a-5b3c-9a52-7a4f6f0d1c98';
const MOST_EXAMPLES = 10;

/** Who asks. `owner` is the credential's id: the space of its idempotency keys. */
export interface StartBy {
  readonly actor: string;
  readonly idempotency?: { readonly owner: string; readonly key: string };
}

export type StartedCampaign =
  | { readonly ok: true; readonly campaign: CampaignDto }
  | { readonly ok: false; readonly code: 'conflict' | 'unprocessable'; readonly detail: string };

/** What a query means now. */
export async function previewCampaign(
  longReads: Pool,
  query: DeviceQuery,
  signal: AbortSignal,
): Promise<CampaignPreview> {
  let count = 0;
  let skipped = 0;
  const examples: CampaignPreview['examples'] = [];
  for await (const targets of eachTarget(longReads, query, signal)) {
    count += targets.length;
    skipped += targets.filter((target) => target.skipped !== undefined).length;
    examples.push(...targets.slice(0, MOST_EXAMPLES - examples.length));
  }
  return { count, skipped, examples };
}

/**
 * Starts a campaign: the rest is a job. With an idempotency key a repeat of the same body answers the same campaign, and another body
 * under the key is refused. One whose query does not mean as many as expected is not started; what it means by the time that its set is
 * fixed, the job looks at again.
 *
 * @param signal aborts a count for a caller that left
 */
export async function startCampaign(
  { pool, longReads, places }: { readonly pool: Pool; readonly longReads: Pool; readonly places: LongReadPlaces },
  jobs: Jobs,
  { preview: _, ...request }: CampaignRequest,
  { actor, idempotency }: StartBy,
  signal: AbortSignal,
): Promise<StartedCampaign> {
  const id =
    idempotency === undefined ? uuidv7() : uuidv5(JSON.stringify([idempotency.owner, idempotency.key]), NAMESPACE);
  const sha256 = createHash('sha256').update(canonicalJson(request)).digest('hex');
  if (request.expectedCount !== undefined && !(idempotency !== undefined && (await isStarted(pool, id)))) {
    const count = await places.enter(() => countTargets(longReads, request.query, signal));
    if (count !== request.expectedCount) {
      const detail = `The query means ${count}, not ${request.expectedCount}. Nothing was opened.`;
      return { ok: false, code: 'conflict', detail };
    }
  }
  const isSame = await inTransaction(pool, async (client) => {
    // Milliseconds, as a cursor of the list has them.
    const { rowCount } = await client.query(
      `INSERT INTO mitigation.campaign (id, request, request_sha256, created_by, created_at, state)
       VALUES ($1, $2, $3, $4, date_trunc('milliseconds', now()), 'selecting') ON CONFLICT (id) DO NOTHING`,
      [id, JSON.stringify(request), sha256, actor],
    );
    if (rowCount === 1) {
      await jobs.create({ id, kind: CAMPAIGN, input: { campaignId: id }, createdBy: actor }, client);
      return true;
    }
    const { rows } = await client.query<{ same: boolean }>(
      'SELECT request_sha256 = $2 AS same FROM mitigation.campaign WHERE id = $1',
      [id, sha256],
    );
    return rows[0]?.same === true;
  });
  if (!isSame)
    return { ok: false, code: 'unprocessable', detail: 'This Idempotency-Key came before with another body.' };
  return { ok: true, campaign: (await findCampaign(pool, id))! };
}

async function isStarted(pool: Pool, id: string): Promise<boolean> {
  const { rowCount } = await pool.query('SELECT FROM mitigation.campaign WHERE id = $1', [id]);
  return rowCount === 1;
}

async function countTargets(longReads: Pool, query: DeviceQuery, signal: AbortSignal): Promise<number> {
  let count = 0;
  for await (const targets of eachTarget(longReads, query, signal)) count += targets.length;
  return count;
}
