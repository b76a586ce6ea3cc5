import { Inject } from '@nestjs/common';
import { type IQueryHandler, Query, QueryHandler } from '@nestjs/cqrs';
import type { UnresolvedAgent } from '@quell/contracts/device-api';
import type { Page } from '@quell/service-kit/cursor';
import type { Pool } from 'pg';
import { POOL } from '../database/pool.ts';
import { listUnresolved } from './list-unresolved.ts';

export class ListUnresolvedAgents extends Query<Page<UnresolvedAgent>> {
  constructor(readonly page: { readonly limit: number; readonly cursor?: string | undefined }) {
    super();
  }
}

@QueryHandler(ListUnresolvedAgents)
export class ListUnresolvedAgentsHandler implements IQueryHandler<ListUnresolvedAgents> {
  constructor(@Inject(POOL) private readonly pool: Pool) {}

  execute = ({ page }: ListUnresolvedAgents) => listUnresolved(this.pool, page);
}
