import { type DynamicModule, Module } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import type { Database } from '@quell/service-kit/database';
import type { Pool } from 'pg';
import { DataSource } from 'typeorm';
import { AgentsModule } from './agents/agents.module.ts';
import { POLL_SETTINGS, type PollSettings } from './agents/poll-settings.ts';
import { CampaignsController } from './campaigns/campaigns.controller.ts';
import { Campaigns } from './campaigns/campaigns.ts';
import { CommandsController } from './commands/commands.controller.ts';
import { OpenScanHandler, OrderTaskHandler } from './commands/handlers.ts';
import { CHECK_IN_POOL, POOL } from './database/pool.ts';
import { CheckInGate } from './delivery/check-in-gate.ts';
import { DeliveryModule } from './delivery/delivery.module.ts';
import { ON_TASK_CHANGE, type OnTaskChange } from './delivery/on-task-change.ts';
import { Wakes } from './delivery/wakes.ts';
import { DetectionsController } from './detections/detections.controller.ts';
import { ExceptionsController } from './exceptions/exceptions.controller.ts';
import { ReportTally } from './metrics/report-tally.ts';
import { PolicyController } from './policy/policy.controller.ts';
import { PolicyStore } from './policy/policy-store.ts';
import { taskQueryHandlers } from './views/queries.ts';
import { TasksController } from './views/tasks.controller.ts';

/** What the modules of this service share. */
export interface MitigationParts {
  readonly database: Database;
  readonly checkInPool: Pool;
  readonly gate: CheckInGate;
  readonly poll: PollSettings;
  readonly policies: PolicyStore;
  readonly wakes: Wakes;
  readonly onTaskChange: OnTaskChange;
  readonly campaigns: Campaigns;
  readonly reports: ReportTally;
}

@Module({})
class MitigationModule {}

export function mitigationModule(parts: MitigationParts): DynamicModule {
  const { database, checkInPool, gate, poll, policies, wakes, onTaskChange, campaigns, reports } = parts;
  const shared = [
    { provide: POOL, useValue: database.pool },
    { provide: CHECK_IN_POOL, useValue: checkInPool },
    { provide: CheckInGate, useValue: gate },
    { provide: DataSource, useValue: database.dataSource },
    { provide: POLL_SETTINGS, useValue: poll },
    { provide: PolicyStore, useValue: policies },
    { provide: Wakes, useValue: wakes },
    { provide: ON_TASK_CHANGE, useValue: onTaskChange },
    { provide: Campaigns, useValue: campaigns },
    { provide: ReportTally, useValue: reports },
  ];
  return {
    module: MitigationModule,
    global: true,
    imports: [CqrsModule.forRoot(), AgentsModule, DeliveryModule],
    controllers: [
      TasksController,
      CommandsController,
      CampaignsController,
      DetectionsController,
      PolicyController,
      ExceptionsController,
    ],
    providers: [...shared, ...taskQueryHandlers, OrderTaskHandler, OpenScanHandler],
    exports: shared,
  };
}
