import { deviceCapability, deviceFacts } from '@quell/contracts/device';
import { platform } from '@quell/contracts/vocabulary';
import fc from 'fast-check';
import type { DeviceCommand } from './decide.ts';
import type { FactChanges } from './facts.ts';

const few = <T>(of: fc.Arbitrary<T>) => fc.array(of, { maxLength: 3 });
const hostname = fc.constantFrom('Desk-7', 'desk-7.', 'lab-2.example', 'localhost', 'straße', 'a"b\\c,{}');
const ip = fc.constantFrom('192.0.2.7', '192.0.2.8', '2001:DB8::1', '2001:db8:0:0::1', '::ffff:192.0.2.7');
const mac = fc.constantFrom('00:00:5e:00:53:01', '00:00:5e:00:53:02', '02:42:ac:11:00:02');
const optional = <T>(of: fc.Arbitrary<T>) => fc.option(of, { nil: undefined });

const members = {
  model: fc.constantFrom('', 'nPP16 D', 'rPP20 D'),
  label: fc.constantFrom('', 'Lobby', 'Étage 2'),
  capabilities: few(fc.constantFrom(...deviceCapability.options)),
  hostnames: few(hostname),
  ips: few(ip),
  macs: few(mac),
  tags: few(fc.constantFrom('a', 'b', 'NULL', ' ')),
};
const group = fc.constantFrom('north', 'south');
const somePlatform = fc.constantFrom(...platform.options);

export const someFacts = fc
  .record({ ...members, group: optional(group), platform: optional(somePlatform) })
  .map((facts) => deviceFacts.parse(facts));

export const someChanges: fc.Arbitrary<FactChanges> = fc.record(
  { ...members, group: fc.option(group), platform: fc.option(somePlatform) },
  { requiredKeys: [] },
);

const source = fc.constantFrom('api' as const, 'import' as const, 'bulk' as const);
const agentId = fc.constantFrom('a'.repeat(43), 'b'.repeat(43));

export const someReport: fc.Arbitrary<DeviceCommand & { kind: 'report' }> = fc.record({
  kind: fc.constant('report' as const),
  agentId,
  report: fc.record({ hostname: optional(hostname), ips: few(ip), macs: few(mac), platform: optional(somePlatform) }),
  enrolledAt: fc.constantFrom('2026-11-01T00:00:00.000Z', '2026-11-23T10:00:05.500Z', '2027-01-01T00:00:00.000Z'),
});

export const someCommand: fc.Arbitrary<DeviceCommand> = fc.oneof(
  fc.record({ kind: fc.constant('register' as const), facts: someFacts, source }),
  fc.record({ kind: fc.constant('bring' as const), facts: someChanges, source }),
  fc.record({ kind: fc.constant('patch' as const), changes: someChanges }),
  fc.record({ kind: fc.constant('tag' as const), add: members.tags, remove: members.tags }),
  fc.record({ kind: fc.constant('retire' as const), reason: optional(fc.constant('gone')) }),
  someReport,
  fc.record({ kind: fc.constant('leave' as const), agentId }),
);

export const someHistory = fc.array(someCommand, { maxLength: 12 });
