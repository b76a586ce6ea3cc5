import { Body, Controller, Delete, Get, Header, HttpCode, Param, Post, Query } from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import { type ApiKeyDto, apiKeyRequest, type CreatedApiKey } from '@quell/contracts/api-keys';
import { pageParameters } from '@quell/contracts/paging';
import { Scopes } from '@quell/service-kit/auth';
import type { Page } from '@quell/service-kit/cursor';
import { refusal } from '@quell/service-kit/problem-error';
import { z } from 'zod';
import { CreateApiKey, ListApiKeys, RevokeApiKey } from './handlers.ts';

const listQuery = z.strictObject(pageParameters);

@Controller('v1/api-keys')
@Scopes('admin')
export class ApiKeysController {
  constructor(
    private readonly commands: CommandBus,
    private readonly queries: QueryBus,
  ) {}

  @Post()
  @Header('cache-control', 'no-store')
  create(@Body({ schema: apiKeyRequest }) body: z.infer<typeof apiKeyRequest>): Promise<CreatedApiKey> {
    if (body.expiresAt !== undefined && new Date(body.expiresAt) <= new Date()) {
      const errors = [{ pointer: '/expiresAt', detail: 'must be in the future' }];
      throw refusal('invalid-request', '/expiresAt: must be in the future', { errors });
    }
    return this.commands.execute(new CreateApiKey(body));
  }

  @Get()
  list(@Query({ schema: listQuery }) query: z.infer<typeof listQuery>): Promise<Page<ApiKeyDto>> {
    return this.queries.execute(new ListApiKeys(query.limit, query.cursor));
  }

  @Delete(':id')
  @HttpCode(204)
  async revoke(@Param('id', { schema: z.uuid() }) id: string): Promise<void> {
    if (!(await this.commands.execute(new RevokeApiKey(id)))) throw refusal('not-found', `There is no API key ${id}.`);
  }
}
