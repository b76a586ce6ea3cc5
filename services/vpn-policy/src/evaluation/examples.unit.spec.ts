import { expect, test } from '@jest/globals';
import { vpnRoutes } from '@quell/contracts/routes/vpn';
import { vpnEvaluateRequest } from '@quell/contracts/vpn-evaluate';
import { evaluate } from './evaluate.ts';

const documented = vpnRoutes.filter(({ id }) => id === 'evaluateVpn' || id === 'evaluateVpnBulk');

test.each(documented)('the example of $id decides what is documented, with nothing missing', ({ body }) => {
  const { trace: _, ...answer } = evaluate(vpnEvaluateRequest.parse(body?.example));
  const said = vpnRoutes.find(({ id }) => id === 'evaluateVpn')?.answers[200]?.body?.example;
  expect(said).toMatchObject(answer);
});
