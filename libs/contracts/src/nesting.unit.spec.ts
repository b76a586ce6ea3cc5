import { isShallow, MOST_LEVELS, TOO_DEEP } from './nesting.ts';
import { applePayload } from './vpn-apple.ts';
import { ciscoProfile } from './vpn-cisco.ts';
import { vpnExportRequest } from './vpn-formats.ts';
import { vpnLintRequest } from './vpn-policy-body.ts';

const nested = (levels: number): unknown => JSON.parse(`${'[{"a":'.repeat(levels / 2)}0${'}]'.repeat(levels / 2)}`);

test('levels are counted down to the innermost, however deep it is', () => {
  expect([0, MOST_LEVELS, MOST_LEVELS + 2, 100_000].map((levels) => isShallow(nested(levels)))).toEqual([
    true,
    true,
    false,
    false,
  ]);
});

test('a policy that is nested too deeply is refused by its place, wherever one is sent', () => {
  const deep = { VendorConfig: nested(20_000) };
  for (const read of [
    applePayload.safeParse(deep),
    ciscoProfile.safeParse(deep),
    vpnLintRequest.safeParse({ payload: deep }),
    vpnExportRequest.safeParse({ target: 'apple', policies: [deep] }),
    vpnExportRequest.safeParse({ target: 'intune', policies: [deep] }),
  ])
    expect(read.error?.issues).toMatchObject([{ message: TOO_DEEP }]);
});
