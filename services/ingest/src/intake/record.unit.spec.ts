import { partitionKeyOf } from './record.ts';

test('the key is the best hint there is: agent, device, MAC, host name, address', () => {
  const all = { agentId: 'A', deviceId: 'D', macs: ['aa:bb:cc:dd:ee:ff'], hostname: 'H', ips: ['10.0.0.1'] };
  const { agentId: _a, ...noAgent } = all;
  const { deviceId: _d, ...noDevice } = noAgent;
  const { macs: _m, ...noMac } = noDevice;
  const { hostname: _h, ...onlyIp } = noMac;
  expect([all, noAgent, noDevice, noMac, onlyIp, {}].map(partitionKeyOf)).toEqual([
    'A',
    'D',
    'aa:bb:cc:dd:ee:ff',
    'h',
    '10.0.0.1',
    undefined,
  ]);
  expect(partitionKeyOf({ macs: [], ips: [] })).toBeUndefined();
});

test('spellings of one host name or address give one key', () => {
  expect(partitionKeyOf({ hostname: 'Desk-7.Example.' })).toBe(partitionKeyOf({ hostname: 'desk-7.example' }));
  expect(partitionKeyOf({ ips: ['FE80:0:0:0::0001'] })).toBe(partitionKeyOf({ ips: ['fe80::1'] }));
});
