import type { DeviceRecord } from '@quell/contracts/device-record';
import type { ClientBase } from 'pg';
import { enqueueEndpointChange } from '../endpoints/endpoint-changes.ts';
import { hintKey, identifiersOf } from '../endpoints/identifiers.ts';
import { recogniseDevices } from './recognise.ts';

/** One record of `devices.v1`. `version` of a tombstone is that of the retirement, where its sender tells it. */
export type DeviceNews =
  | { readonly kind: 'device'; readonly record: DeviceRecord }
  | { readonly kind: 'gone'; readonly deviceId: string; readonly version?: number };

interface KnownRow {
  readonly device_id: string;
  readonly version: number;
  readonly retired: boolean;
  readonly hostnames: readonly string[];
  readonly macs: readonly string[];
}

type Named = { readonly hostnames: readonly string[]; readonly macs: readonly string[] };
type Identifier = readonly [kind: 'mac' | 'hostname', value: string];

/**
 * Brings what is known of devices up to the greatest version of each, in the order given; what is older or known already changes nothing.
 * Machines that turn out to be one of the devices are called so, and what may now be told of unresolved detections is left as a
 * change. A batch is one transaction of the caller's.
 */
export async function takeDevices(client: ClientBase, news: readonly DeviceNews[], now: Date): Promise<void> {
  const latest = new Map<string, DeviceNews>();
  for (const one of news) {
    const before = latest.get(idOf(one));
    if (before === undefined || isNewer(one, before)) latest.set(idOf(one), one);
  }
  const known = await loadKnown(client, [...latest.keys()]);
  const changed = [...latest.values()].filter((one) => changes(one, known.get(idOf(one))));
  const alive = changed.flatMap((one) => (one.kind === 'device' ? [one.record] : []));
  const gone = changed.flatMap((one) => (one.kind === 'gone' ? [one] : []));
  if (alive.length > 0) await saveDevices(client, alive);
  if (gone.length > 0) await retireDevices(client, gone);

  const identifiers = new Set<string>();
  const renamed: string[] = [];
  for (const one of changed) {
    const before = known.get(idOf(one));
    const [old, young] = [namesOf(before), namesOf(one.kind === 'device' ? one.record : undefined)];
    const isSame = (before?.retired ?? true) === (one.kind === 'gone') && sameNames(old, young);
    if (isSame) continue;
    renamed.push(idOf(one));
    identifiers.add(hintKey('deviceId', idOf(one)));
    for (const [kind, value] of [...old, ...young]) identifiers.add(hintKey(kind, value));
  }
  if (renamed.length > 0) await saveIdentifiers(client, renamed, alive);
  await recogniseDevices(
    client,
    alive.map(({ id }) => id),
  );
  if (identifiers.size > 0) {
    await enqueueEndpointChange(client, {
      reason: 'device-appeared',
      identifiers: [...identifiers],
      changedAt: now,
    });
  }
}

const idOf = (one: DeviceNews): string => (one.kind === 'device' ? one.record.id : one.deviceId);

function isNewer(one: DeviceNews, before: DeviceNews): boolean {
  const [version, other] = [versionOf(one), versionOf(before)];
  // A tombstone that tells no version comes behind what it ends.
  return version === undefined || other === undefined || version > other;
}

function versionOf(one: DeviceNews): number | undefined {
  return one.kind === 'device' ? one.record.version : one.version;
}

function changes(one: DeviceNews, known: KnownRow | undefined): boolean {
  if (known === undefined) return true;
  const version = versionOf(one);
  return version === undefined ? !known.retired : version > known.version;
}

function namesOf(named: Named | undefined): Identifier[] {
  if (named === undefined) return [];
  const names = named.hostnames.flatMap((hostname) => identifiersOf({ hostname }).hostname);
  return [
    ...identifiersOf({ macs: named.macs }).mac.map((mac): Identifier => ['mac', mac]),
    ...[...new Set(names)].map((name): Identifier => ['hostname', name]),
  ];
}

function sameNames(a: readonly Identifier[], b: readonly Identifier[]): boolean {
  return JSON.stringify([...a].sort()) === JSON.stringify([...b].sort());
}

async function loadKnown(client: ClientBase, deviceIds: readonly string[]): Promise<Map<string, KnownRow>> {
  const { rows } = await client.query<KnownRow>(
    'SELECT device_id, version, retired, hostnames, macs FROM mitigation.known_device WHERE device_id = ANY($1::text[])',
    [deviceIds],
  );
  return new Map(rows.map((row) => [row.device_id, row]));
}

const SAVE = `
  INSERT INTO mitigation.known_device AS k (device_id, version, retired, model, label, capabilities, hostnames, ips, macs, platform,
    group_name, tags, agent_id)
  SELECT id, version, false, model, label, capabilities, hostnames, ips, macs, platform, "group", tags, "agentId"
  FROM jsonb_to_recordset($1::jsonb) AS d (id text, version int, model text, label text, capabilities text[], hostnames text[],
    ips text[], macs text[], platform text, "group" text, tags text[], "agentId" text)
  ORDER BY id
  ON CONFLICT (device_id) DO UPDATE SET version = excluded.version, retired = false, model = excluded.model, label = excluded.label,
    capabilities = excluded.capabilities, hostnames = excluded.hostnames, ips = excluded.ips, macs = excluded.macs,
    platform = excluded.platform, group_name = excluded.group_name, tags = excluded.tags, agent_id = excluded.agent_id`;

async function saveDevices(client: ClientBase, records: readonly DeviceRecord[]): Promise<void> {
  await client.query({ name: 'save-known-devices', text: SAVE, values: [JSON.stringify(records)] });
}

async function retireDevices(
  client: ClientBase,
  gone: readonly Extract<DeviceNews, { kind: 'gone' }>[],
): Promise<void> {
  await client.query(
    `INSERT INTO mitigation.known_device AS k (device_id, version, retired)
     SELECT device_id, coalesce(version, 0), true FROM unnest($1::text[], $2::int[]) AS g (device_id, version) ORDER BY device_id
     ON CONFLICT (device_id) DO UPDATE SET version = greatest(k.version, excluded.version), retired = true, model = '', label = '',
       capabilities = '{}', hostnames = '{}', ips = '{}', macs = '{}', platform = NULL, group_name = NULL, tags = '{}', agent_id = NULL`,
    [gone.map(({ deviceId }) => deviceId), gone.map(({ version }) => version ?? null)],
  );
}

async function saveIdentifiers(
  client: ClientBase,
  renamed: readonly string[],
  records: readonly DeviceRecord[],
): Promise<void> {
  await client.query('DELETE FROM mitigation.known_device_identifier WHERE device_id = ANY($1::text[])', [renamed]);
  const rows = records
    .filter(({ id }) => renamed.includes(id))
    .flatMap((record) => namesOf(record).map(([kind, value]) => [kind, value, record.id] as const));
  if (rows.length === 0) return;
  await client.query(
    `INSERT INTO mitigation.known_device_identifier (kind, value, device_id)
     SELECT * FROM unnest($1::text[], $2::text[], $3::text[])`,
    [0, 1, 2].map((column) => rows.map((row) => row[column])),
  );
}
