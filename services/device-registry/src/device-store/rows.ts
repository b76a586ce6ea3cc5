import { hostnameForm, tellsApartHostname, tellsApartMac } from '@quell/contracts/host-identifiers';
import { int4Array, textArray, timestampArray, uuidArray } from '@quell/event-store/array-parameters';
import type { ClientBase } from 'pg';
import { type Device, identityOf } from '../device/device.ts';
import { rowOf } from './row.ts';
import { streamIdOf } from './stream.ts';

/** A device before and after an append. */
export interface Transition {
  readonly before: Device | undefined;
  readonly after: Device;
}

// Lists travel as array literals inside of a text[], since unnest would take an array of arrays apart.
const UPSERT = `
  INSERT INTO device_registry.device (id, stream_id, version, model, label, capabilities, hostnames, ips, macs, platform, group_name, tags,
    agent_id, told, registered_at, updated_at, retired_at)
  SELECT id, stream_id, version, model, label, capabilities::text[], hostnames::text[], ips::text[], macs::text[], platform, group_name,
    tags::text[], agent_id, told::jsonb, registered_at, updated_at, retired_at
  FROM unnest($1::text[], $2::uuid[], $3::int[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[],
    $11::text[], $12::text[], $13::text[], $14::text[], $15::timestamptz[], $16::timestamptz[], $17::timestamptz[])
    AS d (id, stream_id, version, model, label, capabilities, hostnames, ips, macs, platform, group_name, tags, agent_id, told,
      registered_at, updated_at, retired_at)
  ON CONFLICT (id) DO UPDATE SET version = excluded.version, model = excluded.model, label = excluded.label,
    capabilities = excluded.capabilities, hostnames = excluded.hostnames, ips = excluded.ips, macs = excluded.macs,
    platform = excluded.platform, group_name = excluded.group_name, tags = excluded.tags, agent_id = excluded.agent_id,
    told = excluded.told, registered_at = excluded.registered_at, updated_at = excluded.updated_at, retired_at = excluded.retired_at`;

/** Brings the rows beside the streams to what the append made of them. Comes after the append, which holds the streams' heads. */
export async function syncRows(client: ClientBase, transitions: readonly Transition[]): Promise<void> {
  if (transitions.length === 0) return;
  const rows = transitions.map(({ after }) => rowOf(after));
  const texts = (read: (row: (typeof rows)[number]) => string | null) =>
    textArray(rows.map((row) => read(row) ?? undefined));
  const lists = (read: (row: (typeof rows)[number]) => readonly string[]) => texts((row) => arrayLiteral(read(row)));
  await client.query({
    name: 'upsert-devices',
    text: UPSERT,
    values: [
      texts(({ id }) => id),
      uuidArray(
        rows.map(({ id }) => streamIdOf(id)),
        'streamId',
      ),
      int4Array(rows.map(({ version }) => version)),
      texts(({ model }) => model),
      texts(({ label }) => label),
      lists(({ capabilities }) => capabilities),
      lists(({ hostnames }) => hostnames),
      lists(({ ips }) => ips),
      lists(({ macs }) => macs),
      texts(({ platform }) => platform),
      texts(({ group_name }) => group_name),
      lists(({ tags }) => tags),
      texts(({ agent_id }) => agent_id),
      texts(({ told }) => (told === null ? null : JSON.stringify(told))),
      timestampArray(rows.map(({ registered_at }) => registered_at)),
      timestampArray(rows.map(({ updated_at }) => updated_at)),
      timestampArray(rows.map(({ retired_at }) => retired_at ?? undefined)),
    ],
  });
  await syncIdentifiers(client, transitions);
}

async function syncIdentifiers(client: ClientBase, transitions: readonly Transition[]): Promise<void> {
  const gone: Identifier[] = [];
  const come: Identifier[] = [];
  for (const { before, after } of transitions) {
    const [held, holds] = [identifiersOf(before), identifiersOf(after)];
    for (const [key, one] of held) if (!holds.has(key)) gone.push({ ...one, deviceId: after.id });
    for (const [key, one] of holds) if (!held.has(key)) come.push({ ...one, deviceId: after.id });
  }
  if (gone.length > 0) {
    await client.query(
      `DELETE FROM device_registry.device_identifier AS i USING unnest($1::text[], $2::text[], $3::text[]) AS g (kind, value, device_id)
       WHERE (i.kind, i.value, i.device_id) = (g.kind, g.value, g.device_id)`,
      columnsOf(gone),
    );
  }
  if (come.length > 0) {
    await client.query(
      `INSERT INTO device_registry.device_identifier (kind, value, device_id) SELECT * FROM unnest($1::text[], $2::text[], $3::text[])`,
      columnsOf(come),
    );
  }
}

interface Identifier {
  readonly kind: 'mac' | 'hostname';
  readonly value: string;
  readonly deviceId: string;
}

const columnsOf = (identifiers: readonly Identifier[]) => [
  textArray(identifiers.map(({ kind }) => kind)),
  textArray(identifiers.map(({ value }) => value)),
  textArray(identifiers.map(({ deviceId }) => deviceId)),
];

/** What tells an active device apart, by kind and value; nothing of one that is retired. */
function identifiersOf(device: Device | undefined): Map<string, Pick<Identifier, 'kind' | 'value'>> {
  const found = new Map<string, Pick<Identifier, 'kind' | 'value'>>();
  if (device?.state !== 'active') return found;
  const { hostnames, macs } = identityOf(device);
  for (const value of macs) if (tellsApartMac(value)) found.set(`mac ${value}`, { kind: 'mac', value });
  for (const value of hostnames.map(hostnameForm)) {
    if (tellsApartHostname(value)) found.set(`hostname ${value}`, { kind: 'hostname', value });
  }
  return found;
}

/** A list as Postgres reads it in text: `{"a","b"}`. */
function arrayLiteral(values: readonly string[]): string {
  return `{${values.map((value) => `"${value.replaceAll(/["\\]/g, '\\$&')}"`).join(',')}}`;
}
