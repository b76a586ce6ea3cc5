import { createHash } from 'node:crypto';
import { canonicalJson } from '@quell/contracts/detection-identity';
import type { RegisterDeviceRequest } from '@quell/contracts/device-api';
import { uuidv5 } from '@quell/contracts/uuidv5';
import type { ClientBase, Pool } from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { type ChangedDevices, changeDevices } from '../device-store/change-devices.ts';
import { loadDevices } from '../device-store/load.ts';
import { answerOf, type DeviceAnswer, type DeviceRefusal } from './change-device.ts';

/** Who asks. `owner` is the credential's id: the space of its idempotency keys, which nobody else can choose. */
export interface RegisterBy {
  readonly actor: string;
  readonly idempotency?: { readonly owner: string; readonly key: string };
}

/** How long a key is remembered. */
const IDEMPOTENCY_KEY_DAYS = 7;
const NAMESPACE = '8a0b3f0c-54c9-5a35-8a66-0c1f0a9b6d52';

class KeyReused extends Error {}

const keyReused: DeviceRefusal = { code: 'key-reused', detail: 'This Idempotency-Key came before with another body.' };

/**
 * Registers a device. With an idempotency key a repeat of the same body answers the device that the first one made, as it is by now, and
 * another body under the key is refused.
 */
export async function registerDevice(
  pool: Pool,
  request: RegisterDeviceRequest,
  { actor, idempotency }: RegisterBy,
): Promise<DeviceAnswer> {
  const { id, ...facts } = request;
  const key = idempotency && uuidv5(JSON.stringify([idempotency.owner, idempotency.key]), NAMESPACE);
  const causeId = key ?? uuidv7();
  const deviceId = id ?? causeId;
  const sha256 = createHash('sha256').update(canonicalJson(request)).digest('hex');
  const known = key && (await bodyOfKey(pool, key));
  if (known !== undefined) {
    if (known !== sha256) return { ok: false, refusal: keyReused };
    const device = (await loadDevices(pool, [deviceId])).get(deviceId);
    if (device !== undefined) return { ok: true, device, registered: false };
  }
  const envelope = { actor, correlationId: causeId, occurredAt: new Date() };
  const change = { deviceId, command: { kind: 'register', facts, source: 'api' }, causeId } as const;
  try {
    const { outcomes, position } = await changeDevices(pool, [change], envelope, {
      beside: (client, changed) => (key !== undefined && isDone(changed) ? keepKey(client, key, sha256) : done),
    });
    return answerOf(outcomes[0]!, position);
  } catch (error) {
    if (error instanceof KeyReused) return { ok: false, refusal: keyReused };
    throw error;
  }
}

const done = Promise.resolve();
const isDone = ({ outcomes }: ChangedDevices): boolean => outcomes.every(({ ok }) => ok);

async function bodyOfKey(client: ClientBase | Pool, key: string): Promise<string | undefined> {
  const { rows } = await client.query<{ request_sha256: string }>(
    'SELECT request_sha256 FROM device_registry.idempotency_key WHERE key = $1',
    [key],
  );
  return rows[0]?.request_sha256;
}

/** @throws KeyReused when another request with the key was faster and had another body */
async function keepKey(client: ClientBase, key: string, sha256: string): Promise<void> {
  const { rowCount } = await client.query(
    `WITH old AS (DELETE FROM device_registry.idempotency_key WHERE created_at < now() - make_interval(days => ${IDEMPOTENCY_KEY_DAYS}))
     INSERT INTO device_registry.idempotency_key (key, request_sha256) VALUES ($1, $2) ON CONFLICT DO NOTHING`,
    [key, sha256],
  );
  if (rowCount === 0 && (await bodyOfKey(client, key)) !== sha256) throw new KeyReused();
}
