import fc from 'fast-check';
import {
  type AliasedEndpoint,
  type DescribedDevice,
  deviceOf,
  kinshipOf,
  type Machine,
  mayBeCalled,
} from './decide-device.ts';

const mac = (n: number) => `00:1b:21:00:00:0${n}`;
const device = (more: Partial<DescribedDevice>): DescribedDevice => ({
  deviceId: 'D1',
  hostnames: [],
  macs: [],
  ...more,
});

test.each<[string, Machine, DescribedDevice, ReturnType<typeof kinshipOf>]>([
  ['a shared adapter', { macs: [mac(1)] }, device({ macs: [mac(2), mac(1)] }), 'mac'],
  [
    'a shared adapter, a bare and a full name',
    { macs: [mac(1)], hostname: 'desk' },
    device({ macs: [mac(1)], hostnames: ['desk.example.org'] }),
    'mac',
  ],
  [
    'a shared adapter (a dock), other names',
    { macs: [mac(1)], hostname: 'desk' },
    device({ macs: [mac(1)], hostnames: ['kiosk'] }),
    'no',
  ],
  [
    'a shared adapter, other platforms',
    { macs: [mac(1)], platform: 'linux' },
    device({ macs: [mac(1)], platform: 'windows' }),
    'no',
  ],
  ['a shared name', { macs: [], hostname: 'DESK.' }, device({ hostnames: ['x', 'desk'] }), 'hostname'],
  [
    'a shared name, adapters known of one only',
    { macs: [mac(1)], hostname: 'desk' },
    device({ hostnames: ['desk'] }),
    'hostname',
  ],
  [
    'a shared name, other adapters',
    { macs: [mac(1)], hostname: 'desk' },
    device({ hostnames: ['desk'], macs: [mac(2)] }),
    'no',
  ],
  [
    'the first label of a full name only',
    { macs: [], hostname: 'desk' },
    device({ hostnames: ['desk.example.org'] }),
    'unknown',
  ],
  [
    'an adapter that every machine has',
    { macs: ['02:42:ac:11:00:02'] },
    device({ macs: ['02:42:ac:11:00:02'] }),
    'unknown',
  ],
  ['localhost', { macs: [], hostname: 'localhost' }, device({ hostnames: ['localhost'] }), 'unknown'],
])('%s', (_, machine, described, kinship) => {
  expect(kinshipOf(machine, described)).toBe(kinship);
});

test('an adapter tells which of two devices of one name a machine is; a name that two have tells nothing', () => {
  const [one, two] = [device({ macs: [mac(1)], hostnames: ['desk'] }), device({ deviceId: 'D2', hostnames: ['desk'] })];
  expect(deviceOf({ macs: [mac(1)], hostname: 'desk' }, [one, two])).toEqual({ device: one, by: 'mac' });
  expect(deviceOf({ macs: [], hostname: 'desk' }, [one, two])).toBeUndefined();
  // The other one is ruled out by its adapter, and still bears the name.
  expect(deviceOf({ macs: [mac(3)], hostname: 'desk' }, [one, two])).toBeUndefined();
});

const few = <T>(make: (n: number) => T) => fc.integer({ min: 1, max: 4 }).map(make);
const platform = fc.constantFrom('linux' as const, 'windows' as const);
const machines = fc.record(
  { hostname: few((n) => `h${n}`), macs: fc.uniqueArray(few(mac), { maxLength: 2 }), platform },
  { requiredKeys: ['macs'] },
);
const devices = fc
  .array(
    fc.record(
      {
        hostnames: fc.uniqueArray(
          few((n) => `h${n}`),
          { maxLength: 2 },
        ),
        macs: fc.uniqueArray(few(mac), { maxLength: 2 }),
        platform,
      },
      { requiredKeys: ['hostnames', 'macs'] },
    ),
    { maxLength: 5 },
  )
  .map((all) => all.map((one, index): DescribedDevice => ({ ...one, deviceId: `D${index}` })));

test('the device does not depend on the order, shares something with the machine and contradicts it in nothing', () => {
  fc.assert(
    fc.property(machines, devices, (machine, all) => {
      const found = deviceOf(machine, all);
      expect(deviceOf(machine, [...all].reverse())).toEqual(found);
      if (found === undefined) return;
      expect(kinshipOf(machine, found.device)).toBe(found.by);
      if (machine.platform !== undefined && found.device.platform !== undefined) {
        expect(found.device.platform).toBe(machine.platform);
      }
    }),
    { numRuns: 2000 },
  );
});

test('one more device never makes a machine another device by the same identifier: it stays the one, or is none', () => {
  fc.assert(
    fc.property(machines, devices, (machine, all) => {
      const [more, ...rest] = all;
      if (more === undefined) return;
      const before = deviceOf(machine, rest);
      const after = deviceOf(machine, all);
      if (before !== undefined && after !== undefined && after.by === before.by)
        expect(after.device).toBe(before.device);
    }),
    { numRuns: 2000 },
  );
});

describe('who may be called by a device', () => {
  const own = (deviceId: string) => `own-${deviceId}`;
  const endpoint = (more: Partial<AliasedEndpoint> = {}): AliasedEndpoint => ({
    endpointId: 'E1',
    agentId: 'a1',
    matched: false,
    ...more,
  });
  test.each<[string, AliasedEndpoint, AliasedEndpoint | undefined, boolean]>([
    ['one without a name, nobody has it', endpoint(), undefined, true],
    [
      'one without a name, an endpoint without an agent has it',
      endpoint(),
      { endpointId: own('D1'), deviceId: 'D1', matched: true },
      true,
    ],
    [
      'one without a name, a guess has it',
      endpoint(),
      endpoint({ endpointId: 'E2', deviceId: 'D1', matched: true }),
      true,
    ],
    [
      'one without a name, an agent said it of itself',
      endpoint(),
      endpoint({ endpointId: 'E2', deviceId: 'D1' }),
      false,
    ],
    [
      'one without a name, the agent of the endpoint made for the device has it',
      endpoint(),
      endpoint({ endpointId: own('D1'), deviceId: 'D1', matched: true }),
      false,
    ],
    ['one whose agent says another', endpoint({ deviceId: 'D2' }), undefined, false],
    ['one that was guessed to be another', endpoint({ deviceId: 'D2', matched: true }), undefined, true],
    [
      'one that was made for another',
      endpoint({ endpointId: own('D2'), deviceId: 'D2', matched: true }),
      undefined,
      false,
    ],
    ['the one that has it', endpoint({ deviceId: 'D1' }), endpoint({ deviceId: 'D1' }), false],
  ])('%s', (_, candidate, holder, expected) => {
    expect(mayBeCalled(candidate, 'D1', holder, own)).toBe(expected);
  });
});
