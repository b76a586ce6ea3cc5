import { type TestDatabase, testDatabase } from '../../database/test-database.fixture.ts';
import { NonceLedger } from './nonce-ledger.ts';
import { MAX_AGE_SECONDS, MAX_AHEAD_SECONDS } from './verify-signature.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await testDatabase();
  // The server of the test may have started this very second.
  await database.pool.query('INSERT INTO mitigation.agent_nonce_epoch (since) VALUES (now()) ON CONFLICT DO NOTHING');
});
afterAll(() => database.drop());

const soon = () => new Date(Date.now() + 10_000);

test('of many claims of one nonce at two replicas exactly one passes', async () => {
  const [one, two] = [new NonceLedger(database.pool), new NonceLedger(database.pool)];
  for (const round of Array.from({ length: 10 }, (_, index) => index)) {
    const claims = Array.from({ length: 20 }, (_, index) =>
      (index % 2 === 0 ? one : two).claim('agent', `nonce-${round}`, soon()),
    );
    const verdicts = await Promise.all(claims);
    expect(verdicts.filter((verdict) => verdict === 'fresh')).toHaveLength(1);
    expect(verdicts.filter((verdict) => verdict === 'used')).toHaveLength(19);
  }
});

test('the same nonce of another agent is another nonce', async () => {
  const ledger = new NonceLedger(database.pool);
  expect(await Promise.all([ledger.claim('a', 'shared', soon()), ledger.claim('b', 'shared', soon())])).toEqual([
    'fresh',
    'fresh',
  ]);
});

test('claims that come together are committed together', async () => {
  const ledger = new NonceLedger(database.pool);
  const before = await commits();
  await Promise.all(Array.from({ length: 200 }, (_, index) => ledger.claim('crowd', `nonce-${index}`, soon())));
  const { rows } = await database.pool.query(
    `SELECT count(DISTINCT xmin::text)::int AS n FROM mitigation.agent_nonce WHERE agent_id = 'crowd'`,
  );
  expect(rows[0].n).toBeLessThanOrEqual(3);
  expect(before).toBe(0);
});

async function commits(): Promise<number> {
  const { rows } = await database.pool.query(
    `SELECT count(*)::int AS n FROM mitigation.agent_nonce WHERE agent_id = 'crowd'`,
  );
  return rows[0].n;
}

test('a crash that emptied the tables makes every signature from before it too old', async () => {
  const ledger = new NonceLedger(database.pool);
  const signedBefore = new Date();
  expect(await ledger.claim('agent', 'once', soon())).toBe('fresh');
  // What crash recovery does to UNLOGGED tables, also when the postmaster lives on.
  await database.pool.query('TRUNCATE mitigation.agent_nonce, mitigation.agent_nonce_epoch');
  expect(await ledger.claim('agent', 'once', signedBefore)).toBe('too-old');
  expect(await ledger.claim('agent', 'twice', soon())).toBe('fresh');
});

test('a signature from before the start of the postmaster is too old', async () => {
  const { rows } = await database.pool.query(`SELECT pg_postmaster_start_time() - interval '1 second' AS before`);
  await database.pool.query(`UPDATE mitigation.agent_nonce_epoch SET since = 'epoch'`);
  expect(await new NonceLedger(database.pool).claim('agent', 'from before', rows[0].before)).toBe('too-old');
});

test('nonces are forgotten once their signatures are too old anyway, not before', async () => {
  const ledger = new NonceLedger(database.pool);
  const created = soon();
  await ledger.claim('pruned', 'nonce-p', created);
  const later = (seconds: number) => new Date(created.getTime() + seconds * 1000);
  await ledger.prune(later(MAX_AGE_SECONDS + MAX_AHEAD_SECONDS));
  expect(await ledger.claim('pruned', 'nonce-p', created)).toBe('used');
  await ledger.prune(later(MAX_AGE_SECONDS + MAX_AHEAD_SECONDS + 1));
  expect(await ledger.claim('pruned', 'nonce-p', created)).toBe('fresh');
});

test('a database that does not answer rejects the claim, and the next one works', async () => {
  const ledger = new NonceLedger(database.pool);
  await database.pool.query('ALTER TABLE mitigation.agent_nonce RENAME TO agent_nonce_away');
  await expect(ledger.claim('agent', 'nonce-r', soon())).rejects.toThrow(/does not exist/);
  await database.pool.query('ALTER TABLE mitigation.agent_nonce_away RENAME TO agent_nonce');
  expect(await ledger.claim('agent', 'nonce-r', soon())).toBe('fresh');
});
