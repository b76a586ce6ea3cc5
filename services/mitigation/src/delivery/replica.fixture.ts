import { randomUUID } from 'node:crypto';
import type { CheckInRequest } from '@quell/contracts/agent-protocol';
import { createLog } from '@quell/service-kit/log';
import type { Pool } from 'pg';
import { LastSeen } from '../agents/last-seen.ts';
import { defaultPolicy } from '../policy/policy.ts';
import { PolicyStore } from '../policy/policy-store.ts';
import { everything } from '../task/steps.fixture.ts';
import type { Scene, TestEndpoint } from '../task-store/scene.fixture.ts';
import { checkIn } from './check-in.ts';
import { CheckInGate } from './check-in-gate.ts';
import { Wakes } from './wakes.ts';

/** One replica of the service as agents see it at a check-in. Its holds are heard of by `listens` only when it is started. */
export function replica(scene: Scene, { listens = false, checkInPool = scene.pool as Pool } = {}) {
  const log = createLog('test', 'silent');
  const wakes = new Wakes(scene.pool, scene.database.fresh.url, log);
  if (listens) wakes.start();
  const parts = {
    pool: scene.pool,
    checkInPool,
    gate: new CheckInGate({ atOnce: 5, waiting: 100 }),
    policies: new PolicyStore(scene.pool, defaultPolicy()),
    wakes,
    lastSeen: new LastSeen(scene.pool, log),
    poll: { holdSeconds: 50, nextPollSeconds: 1 },
    onTaskChange: (endpointIds: readonly string[]) => wakes.wake(endpointIds),
  };
  return {
    wakes,
    checkIn: (
      on: Pick<TestEndpoint, 'agentId' | 'endpointId'>,
      said: Partial<CheckInRequest> = {},
      signal: AbortSignal = new AbortController().signal,
    ) =>
      checkIn(
        parts,
        on,
        randomUUID(),
        {
          bootId: 'boot-1',
          agentVersion: '1',
          capabilities: [...everything],
          running: [],
          journalPending: [],
          events: [],
          waitSeconds: 0,
          ...said,
        },
        signal,
      ),
    stop: () => wakes.stop(),
  };
}
