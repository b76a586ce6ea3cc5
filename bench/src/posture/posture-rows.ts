import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { BenchContext, Contest } from '../contest.ts';
import { countCpu } from '../cpu.ts';
import { adminKey, startQuell } from '../intake/service.ts';
import { type BenchAgent, enrolAgent } from './bench-agent.ts';

/** Few, so that looking does not become the load. */
const DEVICES = 2;
const LOOK_EVERY_MS = 5;
const GIVE_UP_MS = 20_000;

/** From the 202 of a detection until a policy refuses the device its network. */
export const openPostureDetected = (context: BenchContext): Promise<Contest> => openPosture(context, 'detected');
/** From the agent's result being taken until the policy gives it back. */
export const openPostureResolved = (context: BenchContext): Promise<Contest> => openPosture(context, 'resolved');

interface Device {
  readonly deviceId: string;
  readonly agent: BenchAgent;
}

/** Real ingest, mitigation and vpn-policy; devices go from detection to resolution one after the other. */
async function openPosture({ servers, progress }: BenchContext, what: 'detected' | 'resolved'): Promise<Contest> {
  const database = await servers.createDatabase();
  progress('starting ingest, mitigation and vpn-policy');
  const services = await Promise.all(
    (['ingest', 'mitigation', 'vpn-policy'] as const).map((name) => startQuell(name, servers, database.url)),
  );
  const [ingest, mitigation, vpnPolicy] = services.map(({ url }) => url) as [string, string, string];
  const evaluate = `${vpnPolicy}/v1/vpn/policies/${await publishPolicy(vpnPolicy)}/evaluate?trace=false`;
  const devices = await Promise.all(
    Array.from({ length: DEVICES }, async (): Promise<Device> => {
      const deviceId = randomUUID();
      const stateDir = join(servers.dir, deviceId);
      await mkdir(stateDir);
      const { enrolmentToken } = await post<{ enrolmentToken: string }>(`${mitigation}/v1/enrolment-tokens`, {});
      return { deviceId, agent: await enrolAgent(mitigation, enrolmentToken, deviceId, stateDir) };
    }),
  );

  async function untilDecided(deviceId: string, wanted: string): Promise<number> {
    const from = performance.now();
    const context = { vpn: 'connected', network: { interface: 'WiFi', ssid: 'Office', primaryIsVirtual: false } };
    while (performance.now() < from + GIVE_UP_MS) {
      const { answer } = await post<{ answer: { decision: string } }>(evaluate, { deviceId, context });
      if (answer.decision === wanted) return performance.now() - from;
      await delay(LOOK_EVERY_MS);
    }
    throw new Error(`device ${deviceId} was not told to ${wanted} within ${GIVE_UP_MS / 1000} s`);
  }

  /** The milliseconds of one round trip of a device. */
  async function roundTrip({ deviceId, agent }: Device): Promise<number> {
    await post(`${ingest}/v1/detections`, detectionOn(deviceId));
    const detected = await untilDecided(deviceId, 'disconnect');
    await agent.resolve(await agent.nextTask());
    const resolved = await untilDecided(deviceId, 'connect');
    return what === 'detected' ? detected : resolved;
  }

  async function roundTrips(seconds: number) {
    const from = performance.now();
    const latenciesMs: number[] = [];
    await Promise.all(
      devices.map(async (device) => {
        while (performance.now() < from + seconds * 1000) latenciesMs.push(await roundTrip(device));
      }),
    );
    return { items: latenciesMs.length, seconds: (performance.now() - from) / 1000, latenciesMs };
  }

  await roundTrips(2);
  return {
    item: 'round trip',
    contenders: [
      {
        name: 'ingest → vpn-policy',
        async measure(seconds) {
          const used = countCpu({ nodePid: services[2]!.pid, postgresPid: servers.postgresPid });
          // One device after the other gives few a second.
          return { ...(await roundTrips(2 * seconds)), cpu: used() };
        },
      },
    ],
    goals: [{ figure: 'p99', better: 'low', limits: { floor: 1000, stretch: 500 } }],
    async close() {
      for (const { agent } of devices) await agent.stop();
      for (const service of services) await service.stop();
      await database.drop();
    },
  };
}

async function publishPolicy(vpnPolicy: string): Promise<string> {
  const reason = 'bench';
  const { id } = await post<{ id: string }>(`${vpnPolicy}/v1/vpn/policies`, {
    name: 'Bench',
    body: { dialect: 'apple-mdm', payload: { OnDemandEnabled: 1, OnDemandRules: [{ Action: 'Connect' }] } },
    posture: { action: { kind: 'disconnect' } },
    reason,
  });
  await post(`${vpnPolicy}/v1/vpn/policies/${id}/publish`, { reason });
  return id;
}

/** Of a file nobody saw yet: each opens a task. */
function detectionOn(deviceId: string) {
  return {
    source: 'bench',
    sourceId: randomUUID(),
    detectedAt: new Date().toISOString(),
    severity: 4,
    endpoint: { deviceId },
    threat: { name: 'Trojan.GenericKD.4711', kind: 'file', path: `/srv/ann/${randomUUID()}.exe` },
  };
}

async function post<T>(url: string, body: unknown): Promise<T> {
  const headers = { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' };
  const answer = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}: ${await answer.text()}`);
  return (await answer.json()) as T;
}
