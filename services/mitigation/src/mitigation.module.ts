import { type DynamicModule, Module } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import type { Database } from '@quell/service-kit/database';
import { DataSource } from 'typeorm';
import { AgentsModule } from './agents/agents.module.ts';
import { POLL_SETTINGS, type PollSettings } from './agents/poll-settings.ts';
import { POOL } from './database/pool.ts';

/** What the modules of this service share. */
export interface MitigationParts {
  readonly database: Database;
  readonly poll: PollSettings;
}

@Module({})
class MitigationModule {}

export function mitigationModule({ database, poll }: MitigationParts): DynamicModule {
  const shared = [
    { provide: POOL, useValue: database.pool },
    { provide: DataSource, useValue: database.dataSource },
    { provide: POLL_SETTINGS, useValue: poll },
  ];
  return {
    module: MitigationModule,
    global: true,
    imports: [CqrsModule.forRoot(), AgentsModule],
    providers: shared,
    exports: shared,
  };
}
