import { createHash } from 'node:crypto';
import { canonicalJson } from '@quell/contracts/detection-identity';
import { matchException } from '@quell/contracts/exception-match';
import type { openTaskRequest, TaskDto } from '@quell/contracts/task';
import type { ClientBase, Pool } from 'pg';
import { v5 as uuidv5, v7 as uuidv7 } from 'uuid';
import type { z } from 'zod';
import { keepDeviceEndpoints } from '../endpoints/device-endpoint.ts';
import { loadEndpoint, matchEndpoints } from '../endpoints/match-endpoints.ts';
import { loadExceptions } from '../exceptions/load.ts';
import { type EffectivePolicy, queueIsFull } from '../policy/policy.ts';
import { openTask } from '../task/opening.ts';
import { countQueued } from '../task-store/queued.ts';
import { eventIdOf } from '../task-store/stream.ts';
import { commitTasks, loadTasks, retryingConflicts } from '../task-store/task-store.ts';
import { taskDtoOf } from '../views/task-dto.ts';
import { bodyOfKey, keepKey } from './idempotency-keys.ts';

export type OpenScanRequest = z.infer<typeof openTaskRequest>;

/** Who asks. `owner` is the credential's id: the space of its idempotency keys, which nobody else can choose. */
export interface OpenScanBy {
  readonly actor: string;
  readonly idempotency?: { readonly owner: string; readonly key: string };
}

export type OpenScanAnswer =
  | { readonly ok: true; readonly task: TaskDto }
  | {
      readonly ok: false;
      readonly code: 'not-found' | 'ambiguous' | 'key-reused' | 'queue-full';
      readonly detail: string;
    };

const NAMESPACE = 'b7f7f0f4-21d0-5c59-9d6f-0c0b6f2f5a53';

/**
 * Opens an administrator's on-demand scan. With an idempotency key a repeat of the same body answers the same task, and another body
 * under the key is refused.
 */
export function openScan(
  pool: Pool,
  policy: EffectivePolicy,
  request: OpenScanRequest,
  { actor, idempotency }: OpenScanBy,
): Promise<OpenScanAnswer> {
  const taskId =
    idempotency === undefined ? uuidv7() : uuidv5(JSON.stringify([idempotency.owner, idempotency.key]), NAMESPACE);
  const bodySha256 = createHash('sha256').update(canonicalJson(request)).digest('hex');
  return retryingConflicts(pool, async (client): Promise<OpenScanAnswer> => {
    // In this order: whoever sees the task sees its body too.
    const before = (await loadTasks(client, [taskId])).get(taskId);
    const known = await bodyOfKey(client, taskId);
    if (known !== undefined && known !== bodySha256) {
      return { ok: false, code: 'key-reused', detail: 'This Idempotency-Key came before with another body.' };
    }
    if (before !== undefined) return { ok: true, task: taskDtoOf(taskId, before) };
    const found = await endpointOf(client, request.endpoint);
    if (!found.ok) return found;
    const { endpoint } = found;
    const queued = (await countQueued(client, [endpoint.endpointId])).get(endpoint.endpointId) ?? 0;
    if (queued >= policy.maxQueuedTasks) {
      return { ok: false, code: 'queue-full', detail: `Not now: ${queueIsFull(queued)}.` };
    }
    const opened = openTask(
      {
        kind: 'on-demand-scan',
        initiator: 'administrator',
        severity: request.severity,
        endpoint,
        payload: {
          targets: [],
          patterns: request.payload?.patterns ?? [],
          choose: false,
          promptTimeoutSeconds: 300,
          ...(request.payload?.paths === undefined ? {} : { paths: request.payload.paths }),
          ...(request.payload?.scanQueryUrl === undefined ? {} : { scanQueryUrl: request.payload.scanQueryUrl }),
        },
      },
      policy,
      matchException(endpoint, await loadExceptions(client)),
    );
    const envelope = { actor, correlationId: taskId, occurredAt: new Date() };
    const events = opened.map((event, index) => ({ id: eventIdOf(taskId, 'opened', index), event, envelope }));
    const after = await commitTasks(client, [{ taskId, expectedVersion: 0, events }], policy);
    await keepDeviceEndpoints(client, [endpoint]);
    if (idempotency !== undefined) {
      await keepKey(client, taskId, bodySha256);
    }
    return { ok: true, task: taskDtoOf(taskId, after.get(taskId)!) };
  });
}

async function endpointOf(client: ClientBase, named: OpenScanRequest['endpoint']) {
  const { endpointId, ...hint } = named;
  if (endpointId !== undefined) {
    const endpoint = await loadEndpoint(client, endpointId);
    if (endpoint !== undefined) return { ok: true, endpoint } as const;
    return { ok: false, code: 'not-found', detail: `There is no endpoint ${endpointId}.` } as const;
  }
  const [match] = await matchEndpoints(client, [{ hint, detectedAt: new Date().toISOString() }]);
  switch (match?.outcome) {
    case 'matched':
      return { ok: true, endpoint: match.endpoint } as const;
    case 'ambiguous':
      return { ok: false, code: 'ambiguous', detail: `${match.reason}: name the endpoint by its endpointId.` } as const;
    default:
      return { ok: false, code: 'not-found', detail: 'No known endpoint fits this.' } as const;
  }
}
