import { expect, test } from '@jest/globals';
import { WITHHELD } from '@quell/contracts/vpn-formats';
import { withoutCredentials } from './without-credentials.ts';

const url = (name: string) => `https://p.example.com/ok?${name}=s3cret`;

test.each(
  'pass password userPass user_pass passwd passphrase pwd secret clientSecret token access_token authToken key api_key apiKey apikey accesskey sig X-Amz-Signature auth Authorization cred credentials code authcode otp to%6ben'.split(
    ' ',
  ),
)('what a URL carries as %s is withheld', (name) => {
  expect(withoutCredentials(url(name))).toBe(`https://p.example.com/ok?${name}=${WITHHELD}`);
});

test.each(
  'design postcode keyword keywords author authors monkey compass barcode decode signal bypass host'.split(' '),
)('a parameter called %s holds no credential, whatever its name contains', (name) => {
  expect(withoutCredentials(url(name))).toBe(url(name));
});
