import { routeFaults } from '@quell/testing/route-contract';
import { startRegistry } from './running-registry.fixture.ts';

test('the device registry answers as the route table says', async () => {
  const registry = await startRegistry();
  try {
    const faults = await routeFaults({
      url: registry.service.url,
      owner: 'device-registry',
      registered: registry.service.app.getHttpAdapter().getInstance().printRoutes({ commonPrefix: false }),
      keyWith: registry.keyWith,
    });
    expect(faults).toEqual([]);
  } finally {
    await registry.stop();
  }
});
