import { type DynamicModule, Module } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import type { Database } from '@quell/service-kit/database';
import { Jobs } from '@quell/service-kit/jobs/jobs';
import { AnalysisThreads } from './analysis/analysis-threads.ts';
import { POOL } from './database/pool.ts';
import { DecisionLog } from './decision-log/decision-log.ts';
import { DecisionsModule } from './decision-log/decisions.module.ts';
import { EvaluationModule } from './evaluation-api/evaluation.module.ts';
import { PoliciesModule } from './policy-api/policies.module.ts';
import { ActivePolicies } from './policy-store/active-policies.ts';
import { PostureModule } from './posture-api/posture.module.ts';
import { WhatIfModule } from './what-if/what-if.module.ts';

/** What the modules of this service share. */
export interface VpnPolicyParts {
  readonly database: Database;
  readonly active: ActivePolicies;
  readonly decisions: DecisionLog;
  readonly jobs: Jobs;
  readonly threads: AnalysisThreads;
}

@Module({})
class VpnPolicyModule {}

/** One module for each area; what all share can be injected anywhere. */
export function vpnPolicyModule({ database, active, decisions, jobs, threads }: VpnPolicyParts): DynamicModule {
  const shared = [
    { provide: POOL, useValue: database.pool },
    { provide: ActivePolicies, useValue: active },
    { provide: DecisionLog, useValue: decisions },
    { provide: Jobs, useValue: jobs },
    { provide: AnalysisThreads, useValue: threads },
  ];
  return {
    module: VpnPolicyModule,
    global: true,
    imports: [CqrsModule.forRoot(), EvaluationModule, PoliciesModule, DecisionsModule, WhatIfModule, PostureModule],
    providers: shared,
    exports: shared,
  };
}
