import { type MitigationException, matchException } from './exception-match.ts';
import type { TaskEndpoint } from './task-endpoint.ts';

const endpoint: TaskEndpoint = {
  endpointId: '3f0c2a52-6a0f-4a44-9a53-0d8f9d1c4e11',
  deviceId: 'Door-7',
  hostname: 'Desk-7.example',
  ips: ['10.1.2.3', '2001:db8::7'],
};
const one = (kind: MitigationException['kind'], value: string): MitigationException => ({ id: 'ex', kind, value });

test.each([
  ['ip', '10.1.2.3'],
  ['ip', '2001:db8:0:0::7'],
  ['cidr', '10.1.0.0/16'],
  ['cidr', '0.0.0.0/0'],
  ['cidr', '2001:db8::/32'],
  ['hostname', 'DESK-7.EXAMPLE'],
  ['hostname', 'desk-7.example.'],
  ['device', 'Door-7'],
] as const)('%s %s covers the endpoint', (kind, value) => {
  expect(matchException(endpoint, [one(kind, value)])).toEqual({ exceptionId: 'ex', kind, value });
});

test.each([
  ['ip', '10.1.2.4'],
  ['cidr', '10.2.0.0/16'],
  ['cidr', '2001:db9::/32'],
  ['hostname', 'desk-7'],
  ['device', 'door-7'],
] as const)('%s %s does not', (kind, value) => {
  expect(matchException(endpoint, [one(kind, value)])).toBeUndefined();
});

test('an endpoint of which little is known is covered by nothing that names more', () => {
  const bare = { endpointId: endpoint.endpointId, ips: [] };
  const list = [one('cidr', '0.0.0.0/0'), one('hostname', 'x'), one('device', 'x')];
  expect(matchException(bare, list)).toBeUndefined();
});

test('of several that cover it the first is named', () => {
  const list = [one('ip', '10.9.9.9'), { ...one('cidr', '10.0.0.0/8'), id: 'first' }, one('device', 'Door-7')];
  expect(matchException(endpoint, list)).toMatchObject({ exceptionId: 'first' });
});

test('one that is suspended for the endpoint does not cover it; the next one does', () => {
  const suspended = { ...one('device', 'Door-7'), suspendedFor: [endpoint.endpointId] };
  expect(matchException(endpoint, [suspended])).toBeUndefined();
  expect(matchException(endpoint, [suspended, { ...one('ip', '10.1.2.3'), id: 'other' }])).toMatchObject({
    exceptionId: 'other',
  });
  const elsewhere = { ...suspended, suspendedFor: ['0199b3f2-1111-7c3a-9d5e-4f1f6a1b2c3d'] };
  expect(matchException(endpoint, [elsewhere])).toMatchObject({ exceptionId: 'ex' });
});
