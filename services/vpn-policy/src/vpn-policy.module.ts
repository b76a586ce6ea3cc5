import { type DynamicModule, Module } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import type { Database } from '@quell/service-kit/database';
import { POOL } from './database/pool.ts';
import { EvaluationModule } from './evaluation-api/evaluation.module.ts';
import { PostureModule } from './posture-api/posture.module.ts';

/** What the modules of this service share. */
export interface VpnPolicyParts {
  readonly database: Database;
}

@Module({})
class VpnPolicyModule {}

/** One module for each area; what all share can be injected anywhere. */
export function vpnPolicyModule({ database }: VpnPolicyParts): DynamicModule {
  const shared = [{ provide: POOL, useValue: database.pool }];
  return {
    module: VpnPolicyModule,
    global: true,
    imports: [CqrsModule.forRoot(), EvaluationModule, PostureModule],
    providers: shared,
    exports: shared,
  };
}
