import { Command, CommandHandler, type ICommandHandler, type IQueryHandler, Query, QueryHandler } from '@nestjs/cqrs';
import type { ApiKeyDto, apiKeyRequest, CreatedApiKey } from '@quell/contracts/api-keys';
import type { Page } from '@quell/service-kit/cursor';
import { DataSource } from 'typeorm';
import type { z } from 'zod';
import { createApiKey, listApiKeys, revokeApiKey } from './api-keys.ts';

export class CreateApiKey extends Command<CreatedApiKey> {
  constructor(readonly request: z.infer<typeof apiKeyRequest>) {
    super();
  }
}

export class RevokeApiKey extends Command<boolean> {
  constructor(readonly id: string) {
    super();
  }
}

export class ListApiKeys extends Query<Page<ApiKeyDto>> {
  constructor(
    readonly limit: number,
    readonly cursor?: string,
  ) {
    super();
  }
}

@CommandHandler(CreateApiKey)
export class CreateApiKeyHandler implements ICommandHandler<CreateApiKey> {
  constructor(private readonly dataSource: DataSource) {}
  execute = ({ request }: CreateApiKey) => createApiKey(this.dataSource, request, new Date());
}

@CommandHandler(RevokeApiKey)
export class RevokeApiKeyHandler implements ICommandHandler<RevokeApiKey> {
  constructor(private readonly dataSource: DataSource) {}
  execute = ({ id }: RevokeApiKey) => revokeApiKey(this.dataSource, id, new Date());
}

@QueryHandler(ListApiKeys)
export class ListApiKeysHandler implements IQueryHandler<ListApiKeys> {
  constructor(private readonly dataSource: DataSource) {}
  execute = ({ limit, cursor }: ListApiKeys) => listApiKeys(this.dataSource, limit, cursor);
}
