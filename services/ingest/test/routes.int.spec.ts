import { routeFaults } from '@quell/testing/route-contract';
import { startIngest } from './stack.ts';

test('ingest answers as the route table says', async () => {
  const ingest = await startIngest();
  try {
    const faults = await routeFaults({
      url: ingest.service.url,
      owner: 'ingest',
      registered: ingest.service.app.getHttpAdapter().getInstance().printRoutes({ commonPrefix: false }),
      keyWith: async (scopes) => {
        const answer = await ingest.call('/v1/api-keys', {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          // A key has at least one scope; one that opens nothing here stands for none.
          body: JSON.stringify({ name: 'test', scopes: scopes.length === 0 ? ['vpn:read'] : scopes }),
        });
        return answer.json.secret;
      },
    });
    expect(faults).toEqual([]);
  } finally {
    await ingest.stop();
  }
});
