import { recommendedActions } from '../recommended-actions.ts';
import { statusLabelOf } from '../status-catalogue.ts';
import { statusDescription } from '../status-description.ts';
import type { TaskDto } from '../task.ts';
import type { TaskEndpoint } from '../task-endpoint.ts';
import type { TaskStatus } from '../task-status.ts';

/** The values that the examples of the documents share, so that they tell one story: a test file on one endpoint. */
export const exampleIds = {
  task: '0199b3f2-5a5e-7c3a-9d5e-4f1f6a1b2c3d',
  detection: '5b0b8a0e-6f5b-5c1e-8a47-3f1f0c3f8a11',
  endpoint: '0199b3f2-1111-7c3a-9d5e-4f1f6a1b2c3d',
  agent: 'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs',
  event: '0199b3f2-2222-7c3a-9d5e-4f1f6a1b2c3d',
  key: '0199b3f2-3333-7c3a-9d5e-4f1f6a1b2c3d',
} as const;

const sha256OfEicar = '275a021bbfb6489e54d471899f7db9d1663fc695ec2fe2a2c4538aabf651fd0f';

export const exampleDetection = {
  source: 'edr-1',
  sourceId: 'alert-4711',
  detectedAt: '2026-11-23T10:00:00Z',
  severity: 4,
  endpoint: { hostname: 'desk-7', ips: ['192.0.2.7'] },
  threat: { name: 'EICAR-Test-File', kind: 'file', path: '/srv/ann/eicar.com', sha256: sha256OfEicar },
};

const endpoint: TaskEndpoint = {
  endpointId: exampleIds.endpoint,
  agentId: exampleIds.agent,
  hostname: 'desk-7',
  ips: ['192.0.2.7'],
  platform: 'linux',
};

const restorable = [{ id: 'backup-1', threatId: 'threat-1', kind: 'file', path: '/srv/ann/eicar.com' }];

/** The example task with the given status. */
export function exampleTask(facts: TaskStatus): TaskDto {
  const id = exampleIds.task;
  const kind = 'threat-mitigation';
  const initiator = 'source';
  return {
    id,
    kind,
    initiator,
    severity: 4,
    endpoint,
    status: statusLabelOf(facts.code),
    facts,
    description: statusDescription(facts),
    recommendedActions: recommendedActions(facts, { id, kind, initiator, endpoint, restorable }),
    run: 1,
    mode: 'mitigate',
    attempt: 1,
    detections: {
      count: 1,
      firstSeenAt: '2026-11-23T10:00:00Z',
      lastSeenAt: '2026-11-23T10:00:00Z',
      ids: [exampleIds.detection],
    },
    threats: [
      {
        id: 'threat-1',
        name: 'EICAR-Test-File',
        path: '/srv/ann/eicar.com',
        sha256: sha256OfEicar,
        outcome: facts.code === 'all-threats-resolved' ? 'resolved' : 'found',
      },
    ],
    restorable,
    openedAt: '2026-11-23T10:00:01Z',
    updatedAt: '2026-11-23T10:00:04Z',
    version: 4,
  };
}
