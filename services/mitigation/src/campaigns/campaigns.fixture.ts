import { type CampaignRequest, campaignRequest } from '@quell/contracts/campaign';
import { projectionRunner } from '@quell/event-store/projection';
import { createLog } from '@quell/service-kit/log';
import { inTransaction } from '@quell/service-kit/transaction';
import { eventually } from '@quell/testing/eventually';
import type { Pool } from 'pg';
import { type DeviceNews, takeDevices } from '../devices/known-devices.ts';
import { defaultPolicy } from '../policy/policy.ts';
import { PolicyStore } from '../policy/policy-store.ts';
import { openScene, type TestEndpoint } from '../task-store/scene.fixture.ts';
import { taskViewProjection } from '../views/task-view.projection.ts';
import { Campaigns } from './campaigns.ts';

/** A database of this service with its task list followed, and replicas that do campaigns in it. */
export type CampaignScene = Awaited<ReturnType<typeof openCampaigns>>;

export async function openCampaigns() {
  const scene = await openScene();
  const log = createLog('test', 'silent');
  const running: Campaigns[] = [];
  const view = projectionRunner(taskViewProjection, {
    connection: { connectionString: scene.database.fresh.url },
    pollMilliseconds: 20,
  });
  view.start();

  /** A replica that answers calls and does no jobs until `run()`. */
  function replica(pool: Pool = scene.pool): Campaigns {
    const policies = new PolicyStore(pool, defaultPolicy());
    const one = new Campaigns({ pool, longReads: scene.pool, policies, onTaskChange: () => {} }, log);
    running.push(one);
    return one;
  }

  function started(pool?: Pool): Campaigns {
    const one = replica(pool);
    one.run();
    return one;
  }

  const device = (id: string, more: object = {}): DeviceNews => ({
    kind: 'device',
    record: {
      id,
      version: 1,
      model: '',
      label: '',
      capabilities: [],
      hostnames: [],
      ips: [],
      macs: [],
      tags: [],
      ...more,
    },
  });
  const registers = (...news: DeviceNews[]) =>
    inTransaction(scene.pool, (client) => takeDevices(client, news, new Date()));

  /** Endpoints whose devices carry the tag, and `agentless` devices more that have no agent. */
  async function tagged(tag: string, count: number, agentless = 0): Promise<TestEndpoint[]> {
    const endpoints = await Promise.all(Array.from({ length: count }, () => scene.endpoint()));
    await registers(
      ...endpoints.map(({ deviceId }) => device(deviceId, { tags: [tag] })),
      ...Array.from({ length: agentless }, (_, index) => device(`${tag}-alone-${index}`, { tags: [tag] })),
    );
    return endpoints;
  }

  const here = new AbortController().signal;
  const asked = (more: object): CampaignRequest => campaignRequest.parse(more);
  const start = async (campaigns: Campaigns, more: object, key?: string) => {
    const idempotency = key === undefined ? {} : { idempotency: { owner: 'owner', key } };
    const answer = await campaigns.start(asked(more), { actor: 'key:test', ...idempotency }, here);
    if (!answer.ok) throw new Error(answer.detail);
    return answer.campaign.id;
  };
  const reaches = (campaigns: Campaigns, id: string, state: string) =>
    eventually(
      async () => {
        const found = await campaigns.find(id);
        if (found?.state !== state) throw new Error(`the campaign is ${found?.state}, not ${state}`);
        return found;
      },
      { timeoutMs: 30_000 },
    );

  return {
    scene,
    replica,
    started,
    device,
    registers,
    tagged,
    asked,
    here,
    start,
    reaches,
    stopReplicas: async () => {
      await Promise.all(running.splice(0).map((one) => one.stop()));
    },
    close: async () => {
      await view.stop();
      await scene.close();
    },
  };
}
