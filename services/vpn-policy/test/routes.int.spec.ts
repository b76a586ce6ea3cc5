import { randomUUID } from 'node:crypto';
import { newApiKey } from '@quell/service-kit/api-key';
import { startService } from '@quell/service-kit/start';
import { testKafka } from '@quell/testing/kafka';
import { freshDatabase } from '@quell/testing/postgres';
import { routeFaults } from '@quell/testing/route-contract';
import pg from 'pg';
import { vpnPolicyService } from '../src/vpn-policy.service.ts';

/** Without what runs beside its calls: a consumer would take other tests' records from the Kafka that all share. */
const callsOnly = {
  ...vpnPolicyService,
  setUp: async (context: Parameters<typeof vpnPolicyService.setUp>[0]) => {
    const { module, authenticator, routes } = await vpnPolicyService.setUp(context);
    return { module, authenticator, routes };
  },
};

test('the VPN policy service answers as the route table says', async () => {
  const database = await freshDatabase();
  const db = new pg.Client({ connectionString: database.url });
  await db.connect();
  // The part of ingest's schema that judging an API key needs.
  await db.query(`CREATE SCHEMA auth; CREATE TABLE auth.api_key (id uuid, name text, hash bytea, scopes text[], expires_at timestamptz,
    revoked_at timestamptz, last_used_at timestamptz)`);
  const service = await startService(callsOnly, {
    DATABASE_URL: database.url,
    KAFKA_BROKERS: testKafka().brokers.join(','),
    QUELL_LOG_LEVEL: 'silent',
  });
  try {
    const faults = await routeFaults({
      url: service.url,
      owner: 'vpn-policy',
      registered: service.app.getHttpAdapter().getInstance().printRoutes({ commonPrefix: false }),
      keyWith: async (scopes) => {
        const { secret, hash } = newApiKey();
        const values = [randomUUID(), 'test', hash, scopes];
        await db.query('INSERT INTO auth.api_key (id, name, hash, scopes) VALUES ($1, $2, $3, $4)', values);
        return secret;
      },
    });
    expect(faults).toEqual([]);
  } finally {
    await service.stop('the test is over');
    await db.end();
    await database.drop();
  }
});
