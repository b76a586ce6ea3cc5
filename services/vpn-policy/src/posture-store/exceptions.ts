import type { MitigationExceptionRecord } from '@quell/contracts/mitigation-exception';
import type { ClientBase, Pool } from 'pg';

/** Keeps each exception as its record of the greatest version has it. */
export async function takeExceptionRecords(
  client: ClientBase,
  records: readonly MitigationExceptionRecord[],
): Promise<void> {
  const latest = new Map<string, MitigationExceptionRecord>();
  for (const record of records) {
    if (record.version > (latest.get(record.id)?.version ?? 0)) latest.set(record.id, record);
  }
  if (latest.size === 0) return;
  await client.query({
    name: 'save-exceptions',
    text: `INSERT INTO vpn_policy.mitigation_exception AS e (id, version, record)
           SELECT * FROM unnest($1::uuid[], $2::int[], $3::jsonb[]) AS r (id, version, record) ORDER BY id
           ON CONFLICT (id) DO UPDATE SET version = excluded.version, record = excluded.record WHERE e.version < excluded.version`,
    values: [
      [...latest.keys()],
      [...latest.values()].map(({ version }) => version),
      [...latest.values()].map((record) => JSON.stringify(record)),
    ],
  });
}

export async function loadExceptionRecords(on: Pool | ClientBase): Promise<MitigationExceptionRecord[]> {
  const { rows } = await on.query<{ record: MitigationExceptionRecord }>(
    `SELECT record FROM vpn_policy.mitigation_exception WHERE NOT record ? 'deletedAt'`,
  );
  return rows.map(({ record }) => record);
}
