import { expect, test } from '@jest/globals';
import { WITHHELD } from '@quell/contracts/vpn-formats';
import { withoutCredentials } from './without-credentials.ts';

const url = (name: string) => `https://p.example.com/ok?${name}=s3cret`;

test.each(
  'pass password userPass user_pass passwd passphrase pwd secret clientSecret token access_token authToken key api_key apiKey apikey accesskey sig X-Amz-Signature auth Authorization cred credentials code authcode otp to%6ben passkey pincode PINCode oauth xauth basicauth authn dbpass wifipass wifipw adminpass licensekey masterkey subscriptionkey hmackey encryptionkey invitecode jwt session sessionid phpsessid sid connect.sid ticket sign psk keyboardtoken authorkey design_key designKey keywordsecret'.split(
    ' ',
  ),
)('what a URL carries as %s is withheld', (name) => {
  expect(withoutCredentials(url(name))).toBe(`https://p.example.com/ok?${name}=${WITHHELD}`);
});

test.each(
  'design postcode postCode zipcode keyword keywords author authors monkey compass barcode decode encode signal bypass page_author credit passenger side insight host'.split(
    ' ',
  ),
)('a parameter called %s holds no credential, whatever its name contains', (name) => {
  expect(withoutCredentials(url(name))).toBe(url(name));
});
