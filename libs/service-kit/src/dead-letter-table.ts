import { uuidv5 } from '@quell/contracts/uuidv5';
import type { DeadLetter } from '@quell/messaging/dead-letter-record';
import pg, { type ClientBase } from 'pg';

const NAMESPACE = '3f0d6a52-6a0b-5d55-8b0e-6d7f3c1f9e21';

/** No text of Postgres holds U+0000; what came with it must not fail again here, for it would stop its partition for good. */
export const storable = (text: string): string => text.replaceAll('\u0000', '\ufffd').toWellFormed();

/** DDL of the table of a service's dead letters, for a migration. */
export function deadLetterSql(schema: string): string {
  return `CREATE TABLE ${pg.escapeIdentifier(schema)}.dead_letter (
    id uuid PRIMARY KEY,
    topic text NOT NULL,
    partition int NOT NULL,
    "offset" bigint NOT NULL,
    key text,
    reason text NOT NULL,
    pointer text,
    value bytea,
    headers jsonb NOT NULL DEFAULT '{}',
    first_failed_at timestamptz NOT NULL,
    attempts int NOT NULL DEFAULT 1,
    state text NOT NULL
  )`;
}

/** Keeps what could not be taken, beside the move of the inbox, so that it can be listed, fixed and replayed. */
export async function saveDeadLetters(
  client: ClientBase,
  schema: string,
  letters: readonly DeadLetter[],
): Promise<void> {
  if (letters.length === 0) return;
  await client.query(
    `INSERT INTO ${pg.escapeIdentifier(schema)}.dead_letter (id, topic, partition, "offset", key, reason, value, headers, first_failed_at,
       state)
     SELECT *, 'waiting' FROM unnest($1::uuid[], $2::text[], $3::int[], $4::bigint[], $5::text[], $6::text[], $7::bytea[], $8::jsonb[],
       $9::timestamptz[])
     ON CONFLICT (id) DO UPDATE SET attempts = dead_letter.attempts + 1, reason = excluded.reason`,
    [
      letters.map(({ id }) => uuidv5(id, NAMESPACE)),
      letters.map(({ message }) => message.topic),
      letters.map(({ message }) => message.partition),
      letters.map(({ message }) => String(message.offset)),
      letters.map(({ message }) => (message.key === null ? null : storable(message.key))),
      letters.map(({ reason }) => storable(reason)),
      letters.map(({ message }) => message.value),
      letters.map(({ message }) =>
        JSON.stringify(message.headers, (_, value) => (typeof value === 'string' ? storable(value) : value)),
      ),
      letters.map(({ diedAt }) => diedAt),
    ],
  );
}
