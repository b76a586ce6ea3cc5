import { readGatewayConfig } from './gateway-environment.ts';

const services = { QUELL_INGEST_URL: 'http://127.0.0.1:1', QUELL_MITIGATION_URL: 'http://127.0.0.1:2' };
const withHost = (QUELL_HOST: string, more = {}) => readGatewayConfig({ ...services, QUELL_HOST, ...more });

test('the port is 8080 and the host is loopback unless something else is said', () => {
  expect(readGatewayConfig(services)).toMatchObject({ QUELL_PORT: 8080, QUELL_HOST: '127.0.0.1' });
  for (const host of ['127.0.0.2', '::1', 'localhost']) expect(withHost(host).QUELL_HOST).toBe(host);
});

test('a host that others can reach needs TLS, or the word that TLS is elsewhere', () => {
  for (const host of ['0.0.0.0', '::', 'quell.example', '127.evil.example']) {
    expect(() => withHost(host)).toThrow(/QUELL_HOST is .* QUELL_TLS_CERT .* QUELL_INSECURE=1/);
    expect(withHost(host, { QUELL_INSECURE: '1' }).QUELL_HOST).toBe(host);
    expect(withHost(host, { QUELL_TLS_CERT: 'a', QUELL_TLS_KEY: 'b' }).QUELL_HOST).toBe(host);
  }
});

test('a certificate without its key, and a missing service, are refused by name', () => {
  expect(() => withHost('127.0.0.1', { QUELL_TLS_CERT: 'a' })).toThrow(/QUELL_TLS_CERT and QUELL_TLS_KEY/);
  expect(() => readGatewayConfig({ ...services, QUELL_INGEST_URL: '' })).toThrow(/QUELL_INGEST_URL is not set/);
});

test('a service has one URL, or one for each of its replicas', () => {
  const urls = (text: string) => readGatewayConfig({ ...services, QUELL_MITIGATION_URL: text }).QUELL_MITIGATION_URL;
  expect(urls('http://127.0.0.1:2')).toEqual(['http://127.0.0.1:2']);
  expect(urls('http://a:1, https://b:2')).toEqual(['http://a:1', 'https://b:2']);
  for (const wrong of ['http://a:1,', 'a:1', 'http://a:1 http://b:2'])
    expect(() => urls(wrong)).toThrow(/MITIGATION_URL/);
});
