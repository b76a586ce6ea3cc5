import { Controller, Get, Inject, Param, Query } from '@nestjs/common';
import { pageParameters } from '@quell/contracts/paging';
import type { HistoryItem } from '@quell/contracts/task';
import { uuid } from '@quell/contracts/vocabulary';
import {
  type VpnPolicyDiffAnswer,
  type VpnPolicyVersionInfo,
  vpnPolicyDiffQuery,
  type vpnPolicyVersionDto,
} from '@quell/contracts/vpn-policy-api';
import type { VpnPolicyContent } from '@quell/contracts/vpn-policy-events';
import { Scopes } from '@quell/service-kit/auth';
import { decodeCursor, type Page, pageOf } from '@quell/service-kit/cursor';
import { refusal } from '@quell/service-kit/problem-error';
import { streamHistory } from '@quell/service-kit/stream-history';
import type { Pool } from 'pg';
import { z } from 'zod';
import { AnalysisThreads } from '../analysis/analysis-threads.ts';
import { POOL } from '../database/pool.ts';
import { SCHEMA } from '../database/schema.ts';
import { withPostures } from '../diff/posture-difference.ts';
import { diffOrRefuse } from '../evaluation-api/diff-or-refuse.ts';
import { type Policy, versionInForce } from '../policy/policy.ts';
import { findContent } from '../policy-store/find-content.ts';
import { readPolicyRow } from '../policy-store/policy-row.ts';
import { versionInfoOf } from './policy-dto.ts';

const pageQuery = z.object(pageParameters);
const versionNumber = z.coerce.number().int().min(1).max(2_147_483_647);
const position = z.tuple([z.int().min(0)]);

/** What a policy was: its publications and every change. */
@Controller('/v1/vpn/policies/:id')
@Scopes('vpn:read')
export class VersionsController {
  constructor(
    @Inject(POOL) private readonly pool: Pool,
    @Inject(AnalysisThreads) private readonly threads: AnalysisThreads,
  ) {}

  @Get('versions')
  async versions(
    @Param('id', { schema: uuid }) id: string,
    @Query({ schema: pageQuery }) { limit, cursor }: z.infer<typeof pageQuery>,
  ): Promise<Page<VpnPolicyVersionInfo>> {
    const { versions } = await this.#load(id);
    const [before] = cursor === undefined ? [Number.POSITIVE_INFINITY] : decodeCursor(cursor, position);
    const rows = versions.filter(({ number }) => number < before).reverse();
    return pageOf(rows.slice(0, limit + 1), limit, versionInfoOf, ({ number }) => [number]);
  }

  @Get('versions/:number')
  async version(
    @Param('id', { schema: uuid }) id: string,
    @Param('number', { schema: versionNumber }) number: number,
  ): Promise<z.infer<typeof vpnPolicyVersionDto>> {
    const policy = await this.#load(id);
    const version = policy.versions[number - 1];
    if (version === undefined) throw noVersion(id, number);
    return { ...versionInfoOf(version), content: await this.#contentAt(policy, number) };
  }

  @Get('history')
  async history(
    @Param('id', { schema: uuid }) id: string,
    @Query({ schema: pageQuery }) query: z.infer<typeof pageQuery>,
  ): Promise<Page<HistoryItem>> {
    const history = await streamHistory(this.pool, SCHEMA, id, query);
    if (history === undefined) throw noPolicy(id);
    return history;
  }

  @Get('diff')
  async diff(
    @Param('id', { schema: uuid }) id: string,
    @Query({ schema: vpnPolicyDiffQuery }) { from, to }: z.infer<typeof vpnPolicyDiffQuery>,
  ): Promise<VpnPolicyDiffAnswer> {
    const policy = await this.#load(id);
    const left = await this.#contentAt(policy, from ?? versionInForce(policy)?.number ?? 1);
    const right = await this.#contentAt(policy, to);
    return withPostures(await diffOrRefuse(this.threads, left.body, right.body), left, right);
  }

  async #load(id: string): Promise<Policy> {
    const policy = await readPolicyRow(this.pool, id);
    if (policy === undefined) throw noPolicy(id);
    return policy;
  }

  /** @throws ProblemError 404 for a version that was never published */
  async #contentAt(policy: Policy, version: number | 'draft'): Promise<VpnPolicyContent> {
    const content = await findContent(this.pool, policy, version);
    if (content === undefined) throw noVersion(policy.id, version);
    return content;
  }
}

const noPolicy = (id: string) => refusal('not-found', `There is no policy ${id}.`);
const noVersion = (id: string, version: number | 'draft') =>
  refusal('not-found', `Policy ${id} has no version ${version}.`);
