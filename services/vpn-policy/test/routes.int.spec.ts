import { routeFaults } from '@quell/testing/route-contract';
import { startVpnPolicy } from './running-vpn-policy.fixture.ts';

test('the VPN policy service answers as the route table says', async () => {
  const running = await startVpnPolicy();
  try {
    const faults = await routeFaults({
      url: running.service.url,
      owner: 'vpn-policy',
      registered: running.service.app.getHttpAdapter().getInstance().printRoutes({ commonPrefix: false }),
      keyWith: running.keyWith,
    });
    expect(faults).toEqual([]);
  } finally {
    await running.stop();
  }
});
