import { type DynamicModule, Module } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import { DataSource } from 'typeorm';
import { ApiKeysController } from './api-keys/api-keys.controller.ts';
import { CreateApiKeyHandler, ListApiKeysHandler, RevokeApiKeyHandler } from './api-keys/handlers.ts';

@Module({})
class IngestModule {}

/** The part of ingest that Nest serves: the API keys. Detections come in by a route of their own. */
export function ingestModule(dataSource: DataSource): DynamicModule {
  return {
    module: IngestModule,
    imports: [CqrsModule.forRoot()],
    controllers: [ApiKeysController],
    providers: [
      { provide: DataSource, useValue: dataSource },
      CreateApiKeyHandler,
      ListApiKeysHandler,
      RevokeApiKeyHandler,
    ],
  };
}
