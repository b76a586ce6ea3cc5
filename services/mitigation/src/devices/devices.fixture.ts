import { randomUUID } from 'node:crypto';
import type { HostFacts } from '@quell/contracts/agent-protocol';
import type { DeviceRecord } from '@quell/contracts/device-record';
import { createLog } from '@quell/service-kit/log';
import { inTransaction } from '@quell/service-kit/transaction';
import { enrol } from '../agents/enrolment/enrol.ts';
import { makeToken } from '../agents/enrolment/tokens.ts';
import { testAgent } from '../agents/signature/signing.fixture.ts';
import { redecideUnresolved } from '../detections/redecide.ts';
import { changedIdentifiers } from '../endpoints/changed-identifiers.ts';
import { endpointIdOfDevice } from '../endpoints/device-endpoint.ts';
import { EndpointChanges, enqueueEndpointChange } from '../endpoints/endpoint-changes.ts';
import { recordHost } from '../endpoints/host-record.ts';
import { detectionOn, openScene } from '../task-store/scene.fixture.ts';
import { type DeviceNews, takeDevices } from './known-devices.ts';
import { recogniseMachines } from './recognise.ts';

export type DeviceScene = Awaited<ReturnType<typeof openDevices>>;
type On = Parameters<typeof detectionOn>[0];
export type Hint = Extract<On, { hint: unknown }>['hint'];

let number = 0;
const hex = (value: number) => value.toString(16).padStart(2, '0');

/** Names and an adapter that nothing else has. */
export function fresh() {
  number += 1;
  const mac = `00:1b:22:00:${hex(number >> 8)}:${hex(number & 255)}`;
  return { deviceId: `D-${number}`, hostname: `desk-${number}`, mac };
}

export const record = (id: string, version: number, more: Partial<DeviceRecord> = {}): DeviceNews => ({
  kind: 'device',
  record: { id, version, model: '', label: '', capabilities: [], hostnames: [], ips: [], macs: [], tags: [], ...more },
});

/** Devices, machines and detections as they come, with what the service does after each. */
export async function openDevices() {
  const scene = await openScene();
  const log = createLog('test', 'silent');
  const changes = new EndpointChanges(scene.pool, log);
  changes.onEndpointChanged('device of a machine', async (change) => {
    if (change.reason === 'device-appeared') return;
    await inTransaction(scene.pool, (client) => recogniseMachines(client, [change.endpointId]));
  });
  changes.onEndpointsChanged('unresolved', async (all) => {
    const identifiers = await changedIdentifiers(scene.pool, all);
    await redecideUnresolved(scene.pool, scene.policy, identifiers, { causeId: all[0]!.changeId, log });
  });
  const hostOf = (more: Partial<HostFacts>): HostFacts => ({
    hostname: 'unnamed',
    ips: [],
    macs: [],
    platform: 'linux',
    osVersion: '6',
    ...more,
  });

  /** A batch of `devices.v1`. */
  async function arrives(...news: DeviceNews[]): Promise<void> {
    await inTransaction(scene.pool, (client) => takeDevices(client, news, new Date()));
    await changes.deliver();
  }

  async function enrols(more: Partial<HostFacts>) {
    const { agentId, publicKey } = await testAgent();
    const { enrolmentToken } = await makeToken(scene.pool, { expiresInSeconds: 60, maxUses: 1 }, 'test', new Date());
    const request = { enrolmentToken, enrolmentId: randomUUID(), publicKey, host: hostOf(more) };
    const outcome = await enrol(scene.pool, agentId, request, new Date());
    await changes.deliver();
    return { agentId, outcome, endpointId: outcome.kind === 'enrolled' ? outcome.endpointId : '' };
  }

  /** What an agent says of its machine at a check-in. */
  async function reports(endpointId: string, more: Partial<HostFacts>): Promise<void> {
    await inTransaction(scene.pool, async (client) => {
      await recordHost(client, endpointId, { host: hostOf(more) }, new Date());
      await enqueueEndpointChange(client, { endpointId, reason: 'host-changed', changedAt: new Date() });
    });
    await changes.deliver();
  }

  /** Takes a detection of a new file, and returns its id. */
  async function detected(hint: Hint, path = `/srv/${randomUUID()}`): Promise<string> {
    const detection = detectionOn({ hint }, { threat: { name: 'EICAR', path }, detectedAt: new Date().toISOString() });
    await scene.take([detection]);
    return detection.detectionId;
  }

  async function rowOf(detectionId: string) {
    const [row] = await scene.rows('SELECT * FROM mitigation.detection WHERE detection_id = $1', detectionId);
    return { disposition: row.disposition, endpointId: row.endpoint_id, taskId: row.task_id };
  }

  const endpointsOf = (deviceId: string) =>
    scene.rows(
      `SELECT endpoint_id AS "endpointId", agent_id AS "agentId" FROM mitigation.endpoint
       WHERE device_id = $1 OR endpoint_id = $2`,
      deviceId,
      endpointIdOfDevice(deviceId),
    );

  return { scene, arrives, enrols, reports, detected, rowOf, endpointsOf, close: () => scene.close() };
}
