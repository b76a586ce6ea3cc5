import { mitigationExceptionRequest } from './mitigation-exception.ts';

const accepts = (kind: string, value: string) =>
  mitigationExceptionRequest.safeParse({ kind, value, reason: 'lab' }).success;

test.each([
  ['ip', '192.0.2.7', true],
  ['ip', '2001:db8::7', true],
  ['ip', '192.0.2.0/28', false],
  ['ip', 'desk-7', false],
  ['cidr', '192.0.2.0/28', true],
  ['cidr', '2001:db8::/32', true],
  ['cidr', '192.0.2.0', false],
  ['cidr', '192.0.2.0/33', false],
  ['hostname', 'desk-7', true],
  ['hostname', '', false],
  ['device', 'Door-7', true],
  ['device', 'x'.repeat(129), false],
  ['group', 'lab', false],
])('%s %s: %s', (kind, value, accepted) => {
  expect(accepts(kind, value)).toBe(accepted);
});

test('an exception says why it is there', () => {
  expect(mitigationExceptionRequest.safeParse({ kind: 'ip', value: '192.0.2.7' }).success).toBe(false);
});
