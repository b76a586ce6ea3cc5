import { ipForm } from '@quell/contracts/host-identifiers';
import fc from 'fast-check';
import { identifiersOf } from './identifiers.ts';

test('one address has one form, however it is written', () => {
  expect(ipForm('2001:DB8:0:0:0:0:0:1')).toBe('2001:db8::1');
  expect(ipForm('::ffff:192.0.2.7')).toBe('192.0.2.7');
  expect(ipForm('192.0.2.7')).toBe('192.0.2.7');
});

test('the form of an address is its own form, and an IPv4 address mapped into IPv6 is that IPv4 address', () => {
  fc.assert(fc.property(fc.ipV6(), (ip) => expect(ipForm(ipForm(ip))).toBe(ipForm(ip))));
  fc.assert(fc.property(fc.ipV4(), (ip) => expect(ipForm(`::ffff:${ip}`)).toBe(ip)));
});

test('names and addresses that many machines share identify none', () => {
  const shared = identifiersOf({
    hostname: 'LOCALHOST.localdomain',
    ips: ['127.0.0.1', '::1', 'fe80::1', '169.254.3.4', '0.0.0.0'],
    macs: ['00:00:00:00:00:00', '02:42:ac:11:00:02', '0a:00:27:00:00:00', '00:50:56:C0:00:08'],
  });
  expect(shared).toEqual({ agentId: [], deviceId: [], mac: [], hostname: [], ip: [] });
});

test('case, separators, a trailing dot and repeats make no difference', () => {
  const one = identifiersOf({
    hostname: 'Desk-7.Example.',
    ips: ['2001:db8::7', '2001:DB8::0:7'],
    macs: ['00-1B-21-00-00-07'],
  });
  expect(one).toMatchObject({ hostname: ['desk-7.example'], ip: ['2001:db8::7'], mac: ['00:1b:21:00:00:07'] });
});
