import { Module } from '@nestjs/common';
import { LOG, type Log } from '@quell/service-kit/log';
import type { Pool } from 'pg';
import { POOL } from '../database/pool.ts';
import { EndpointChanges } from '../endpoints/endpoint-changes.ts';
import { AgentsController } from './agents.controller.ts';
import { FailedAttempts } from './enrolment/failed-attempts.ts';
import { EnrolmentController } from './enrolment.controller.ts';
import { agentHandlers } from './handlers.ts';
import { Housekeeping } from './housekeeping.ts';
import { LastSeen } from './last-seen.ts';
import { AgentKeys } from './signature/agent-keys.ts';
import { NonceLedger } from './signature/nonce-ledger.ts';

/** Who the agents are: enrolment, signatures, contacts. What they do is in `delivery/`. */
@Module({
  controllers: [EnrolmentController, AgentsController],
  providers: [
    ...agentHandlers,
    FailedAttempts,
    Housekeeping,
    { provide: AgentKeys, inject: [POOL], useFactory: (pool: Pool) => new AgentKeys(pool) },
    { provide: NonceLedger, inject: [POOL], useFactory: (pool: Pool) => new NonceLedger(pool) },
    { provide: LastSeen, inject: [POOL, LOG], useFactory: (pool: Pool, log: Log) => new LastSeen(pool, log) },
    {
      provide: EndpointChanges,
      inject: [POOL, LOG],
      useFactory: (pool: Pool, log: Log) => new EndpointChanges(pool, log),
    },
  ],
  exports: [AgentKeys, NonceLedger, LastSeen, EndpointChanges],
})
export class AgentsModule {}
