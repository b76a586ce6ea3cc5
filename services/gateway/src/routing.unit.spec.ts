import { routes } from '@quell/contracts/routes';
import { serviceFor } from './routing.ts';

test('every call of the contract goes to the service that owns it', () => {
  const owned = routes.filter(({ owner }) => owner !== 'every');
  expect(owned.length).toBeGreaterThan(20);
  for (const { method, path, owner } of owned) {
    const url = path.replaceAll(/\{\w+\}/g, 'a%2Fb');
    expect(`${method} ${url} ${serviceFor(method, url)}`).toBe(`${method} ${url} ${owner}`);
    expect(serviceFor(method, `${url}?format=native&x=/v1/api-keys`)).toBe(owner);
  }
});

test('calls that the contract does not have yet follow the table of the design', () => {
  expect(serviceFor('GET', '/v1/sources')).toBe('ingest');
  expect(serviceFor('GET', '/v1/dead-letters?cursor=x')).toBe('ingest');
  expect(serviceFor('POST', '/v1/dead-letters/mitigation/7/retry')).toBe('mitigation');
  expect(serviceFor('POST', '/v1/dead-letters/vpn-policy/7/discard')).toBe('vpn-policy');
  expect(serviceFor('GET', '/v1/devices/suggest?q=a')).toBe('device-registry');
  expect(serviceFor('POST', '/v1/vpn/evaluate')).toBe('vpn-policy');
  expect(serviceFor('GET', '/v1/constructor')).toBe('mitigation');
});
