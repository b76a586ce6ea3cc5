import { Inject, Injectable, Module, type OnApplicationBootstrap } from '@nestjs/common';
import { Lifecycle } from '@quell/service-kit/lifecycle';
import { LOG, type Log } from '@quell/service-kit/log';
import { inTransaction } from '@quell/service-kit/transaction';
import type { Pool } from 'pg';
import { AgentsModule } from '../agents/agents.module.ts';
import { LastSeen } from '../agents/last-seen.ts';
import { POLL_SETTINGS, type PollSettings } from '../agents/poll-settings.ts';
import { CHECK_IN_POOL, POOL } from '../database/pool.ts';
import { redecideUnresolved } from '../detections/redecide.ts';
import { recogniseMachines } from '../devices/recognise.ts';
import { changedIdentifiers } from '../endpoints/changed-identifiers.ts';
import { EndpointChanges } from '../endpoints/endpoint-changes.ts';
import { ReportTally } from '../metrics/report-tally.ts';
import { PolicyStore } from '../policy/policy-store.ts';
import { CheckInGate } from './check-in-gate.ts';
import { DeliveryController } from './delivery.controller.ts';
import { Delivery } from './delivery.ts';
import { ON_TASK_CHANGE, type OnTaskChange } from './on-task-change.ts';
import { replaceAgentOn } from './replace-agent.ts';
import { Wakes } from './wakes.ts';

/** What follows for tasks when an endpoint changed. */
@Injectable()
class EndpointReactions implements OnApplicationBootstrap {
  constructor(
    @Inject(POOL) private readonly pool: Pool,
    @Inject(PolicyStore) private readonly policies: PolicyStore,
    @Inject(EndpointChanges) private readonly changes: EndpointChanges,
    @Inject(ON_TASK_CHANGE) private readonly onChange: OnTaskChange,
    @Inject(LOG) private readonly log: Log,
  ) {}

  onApplicationBootstrap(): void {
    this.changes.onEndpointChanged('runs of a replaced agent', async (change) => {
      if (change.reason !== 'replaced' || change.replacedAgentId === undefined) return;
      await replaceAgentOn(this.pool, await this.policies.current(), change, change.replacedAgentId);
      this.onChange([change.endpointId]);
    });
    this.changes.onEndpointChanged('device of a machine', async (change) => {
      if (change.reason === 'device-appeared') return;
      await inTransaction(this.pool, (client) => recogniseMachines(client, [change.endpointId]));
    });
    this.changes.onEndpointsChanged('unresolved detections', async (changes) => {
      const because = { causeId: changes[0]!.changeId, log: this.log };
      const identifiers = await changedIdentifiers(this.pool, changes);
      this.onChange(await redecideUnresolved(this.pool, await this.policies.current(), identifiers, because));
    });
  }
}

/** What agents do: check in, take work, report. Who they are is in `agents/`. */
@Module({
  imports: [AgentsModule],
  controllers: [DeliveryController],
  providers: [
    EndpointReactions,
    {
      provide: Delivery,
      inject: [
        POOL,
        CHECK_IN_POOL,
        CheckInGate,
        PolicyStore,
        Wakes,
        LastSeen,
        POLL_SETTINGS,
        ON_TASK_CHANGE,
        EndpointChanges,
        Lifecycle,
        ReportTally,
      ],
      useFactory: (
        pool: Pool,
        checkInPool: Pool,
        gate: CheckInGate,
        policies: PolicyStore,
        wakes: Wakes,
        lastSeen: LastSeen,
        poll: PollSettings,
        onTaskChange: OnTaskChange,
        changes: EndpointChanges,
        lifecycle: Lifecycle,
        tally: ReportTally,
      ) =>
        new Delivery(
          { pool, checkInPool, gate, policies, wakes, lastSeen, poll, onTaskChange },
          changes,
          lifecycle,
          tally,
        ),
    },
  ],
})
export class DeliveryModule {}
