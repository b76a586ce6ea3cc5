import type { ClientBase } from 'pg';

const RAISE = `
  INSERT INTO mitigation.agent_publication AS p (agent_id, version)
  SELECT a.agent_id, 1 FROM mitigation.agent a WHERE a.agent_id = ANY($1::text[]) ORDER BY a.agent_id
  ON CONFLICT (agent_id) DO UPDATE SET version = p.version + 1`;

/**
 * Says, in the transaction that changes them, that these agents are not what `agents.v1` has of them. Every change of an agent's status
 * or of the facts in its record has to come through here: the record's version is the number of such calls (docs/adr/0006).
 */
export async function agentsChanged(client: ClientBase, agentIds: readonly string[]): Promise<void> {
  await client.query(RAISE, [agentIds]);
}

/** As {@link agentsChanged}, for the agents that these endpoints have now: what is known of the machine changed. */
export async function agentsOfEndpointsChanged(client: ClientBase, endpointIds: readonly string[]): Promise<void> {
  const { rows } = await client.query<{ agent_id: string }>(
    'SELECT agent_id FROM mitigation.endpoint WHERE endpoint_id = ANY($1::uuid[]) AND agent_id IS NOT NULL',
    [endpointIds],
  );
  if (rows.length > 0) {
    await agentsChanged(
      client,
      rows.map((row) => row.agent_id),
    );
  }
}
