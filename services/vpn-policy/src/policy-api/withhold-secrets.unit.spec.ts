import { WITHHELD } from '@quell/contracts/vpn-formats';
import { vpnPolicyBody } from '@quell/contracts/vpn-policy-body';
import { withholdSecrets } from './withhold-secrets.ts';

const taken = (body: unknown) => withholdSecrets(vpnPolicyBody.parse(body));

test('secrets of an Apple dictionary leave only a mark, and so does every key that nobody documents', () => {
  const payload = {
    OnDemandEnabled: 1,
    OnDemandRules: [
      { Action: 'Connect', SSIDMatch: ['pass', 'a?key=b'], URLStringProbe: 'https://probe.example.com/a?b=1' },
    ],
    RemoteAddress: 'https://ann:secret@vpn.example.com/',
    AuthenticationMethod: 'SharedSecret',
    SharedSecret: 'c2VjcmV0',
    PayloadCertificateUUID: '0199b3f2-4444-7c3a-9d5e-4f1f6a1b2c3d',
    VendorConfig: { token: 'x', nested: { anything: [1, 2] } },
  };
  const result = taken({ dialect: 'apple-mdm', payload });
  expect(result).toEqual({
    withheld: [
      '/payload/RemoteAddress',
      '/payload/SharedSecret',
      '/payload/VendorConfig/token',
      '/payload/VendorConfig/nested',
    ],
    body: {
      dialect: 'apple-mdm',
      payload: {
        ...payload,
        RemoteAddress: `https://${WITHHELD}@vpn.example.com/`,
        SharedSecret: WITHHELD,
        VendorConfig: { token: WITHHELD, nested: WITHHELD },
      },
    },
  });
});

test('a vendor’s configuration that is a text is a secret of the vendor’s', () => {
  for (const VendorConfig of ['x', ['x']]) {
    expect(JSON.stringify(taken({ dialect: 'apple-mdm', payload: { VendorConfig } }))).not.toContain('"x"');
  }
});

test('what is taken once stays as it is when it is taken again', () => {
  const body = { dialect: 'apple-mdm', payload: { OnDemandEnabled: 1, AuthPassword: 'x', Unknown: { a: 1 } } };
  const once = taken(body);
  expect('body' in once && taken(once.body)).toMatchObject({ body: 'body' in once && once.body });
});

test('a probe that carries a credential is refused by its place: the decision hangs on its text', () => {
  const OnDemandRules = [{ Action: 'Connect', URLStringProbe: 'https://probe.example.com/?token=abc' }];
  expect(taken({ dialect: 'apple-mdm', payload: { OnDemandRules } })).toEqual({
    errors: [{ pointer: '/payload/OnDemandRules/0/URLStringProbe', detail: expect.any(String) }],
  });
});

test('a profile of another vendor keeps what does not look like a secret', () => {
  const profile = { ConnectOnDemand: true, Always: ['.example.com'], Note: 'x', UserPassword: 'y' };
  expect(taken({ dialect: 'cisco-anyconnect', profile })).toMatchObject({
    body: { profile: { Always: ['.example.com'], Note: 'x', UserPassword: WITHHELD } },
    withheld: ['/profile/UserPassword'],
  });
});
