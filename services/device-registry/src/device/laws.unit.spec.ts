import { closeCapabilities } from '@quell/contracts/device';
import { deviceEventData } from '@quell/contracts/device-events';
import { reservedDeviceIds } from '@quell/contracts/vocabulary';
import fc from 'fast-check';
import { deviceOf, rowOf } from '../device-store/row.ts';
import { type DeviceCommand, decide } from './decide.ts';
import { type Device, identityOf, type RecordedDeviceEvent } from './device.ts';
import { evolve, foldDevice } from './evolve.ts';
import { normalised, sameSet } from './facts.ts';
import { someCommand, someFacts, someHistory, someReport } from './history.arbitrary.ts';

const id = 'D-1';
/** One second an event. */
const timeOf = (version: number) => new Date(Date.UTC(2026, 10, 23, 10, 0, version)).toISOString();

function apply(device: Device | undefined, command: DeviceCommand) {
  const decision = decide(id, device, command);
  const events: RecordedDeviceEvent[] = [];
  let after = device;
  for (const event of decision.ok ? decision.events : []) {
    const version = (after?.version ?? 0) + 1;
    events.push({ ...event, version, recordedAt: timeOf(version) });
    after = evolve(after, events.at(-1)!);
  }
  return { ok: decision.ok, after, events };
}

function play(commands: readonly DeviceCommand[]) {
  let device: Device | undefined;
  const events: RecordedDeviceEvent[] = [];
  for (const command of commands) {
    const step = apply(device, command);
    device = step.after;
    events.push(...step.events);
  }
  return { device, events };
}

const law = (name: string, property: fc.IProperty<never> | fc.IRawProperty<unknown>) =>
  test(name, () => {
    fc.assert(property as fc.IProperty<unknown>, { numRuns: 500 });
  });

law(
  'every history folds from its events alone, one version an event, and each event is one of the contract',
  fc.property(someHistory, (commands) => {
    const { device, events } = play(commands);
    expect(foldDevice(events)).toEqual(device);
    expect(device?.version ?? 0).toBe(events.length);
    for (const { type, data } of events) deviceEventData[type].parse(data);
  }),
);

law(
  'the same command a second time changes nothing',
  fc.property(someHistory, someCommand, (commands, command) => {
    const once = apply(play(commands).device, command);
    expect(apply(once.after, command).events).toEqual([]);
  }),
);

law(
  'no event is there without a change of the device',
  fc.property(someHistory, someCommand, (commands, command) => {
    const { device } = play(commands);
    const { after, events } = apply(device, command);
    const facts = (one: Device | undefined) =>
      one && { ...one, version: 0, updatedAt: '', registeredAt: '', retiredAt: '' };
    if (events.length > 0) expect(facts(after)).not.toEqual(facts(device));
  }),
);

law(
  "an agent's report takes away nothing that others gave, and shows all that it says",
  fc.property(someHistory, someReport, (commands, report) => {
    const { device } = play(commands);
    const { after } = apply(device, report);
    if (device?.state !== 'active' || after === undefined) return;
    expect(after.given).toEqual(device.given);
    const shown = identityOf(after);
    for (const name of ['hostnames', 'ips', 'macs'] as const) {
      expect(shown[name]).toEqual(expect.arrayContaining([...after.given[name], ...(after.reported?.[name] ?? [])]));
    }
    expect(shown.platform).toBe(device.given.platform ?? report.report.platform);
    expect(after.agentId).toBe(report.agentId);
  }),
);

law(
  'a patch is answered as it was asked for, in normal form; what it does not name stays',
  fc.property(someHistory, someCommand, (commands, command) => {
    const { device } = play(commands);
    if (command.kind !== 'patch' || device?.state !== 'active') return;
    const { ok, after } = apply(device, command);
    expect(ok).toBe(true);
    const wanted = normalised(command.changes);
    if (wanted.capabilities) expect(after?.capabilities).toEqual(closeCapabilities(wanted.capabilities));
    expect(after?.model).toBe(wanted.model ?? device.model);
    expect(after?.label).toBe(wanted.label ?? device.label);
    expect(after?.tags).toEqual(wanted.tags ?? device.tags);
    expect(after?.group).toBe(wanted.group === undefined ? device.group : (wanted.group ?? undefined));
    for (const name of ['hostnames', 'ips', 'macs'] as const) {
      const list = wanted[name];
      const shown = identityOf(after!)[name];
      if (list !== undefined) expect(shown).toEqual(expect.arrayContaining(list));
      if (list === undefined) expect(after?.given[name]).toEqual(device.given[name]);
      if (list !== undefined && after?.reported === undefined) expect(sameSet(shown, list)).toBe(true);
    }
  }),
);

law(
  'a registration is refused only where a device has other facts; with the same facts it is the device that is there',
  fc.property(someHistory, someFacts, (commands, facts) => {
    const { device } = play(commands);
    const { ok, after, events } = apply(device, { kind: 'register', facts, source: 'api' });
    if (device?.state !== 'active') {
      expect(ok).toBe(true);
      expect(events.map(({ type }) => type)).toEqual(['DeviceRegistered']);
      expect(after).toMatchObject({ state: 'active', label: facts.label, given: { ips: normalised(facts).ips } });
    } else if (ok) expect(after).toBe(device);
  }),
);

law(
  'a retired device changes only by coming back',
  fc.property(someHistory, someCommand, (commands, command) => {
    const { after: retired } = apply(play(commands).device, { kind: 'retire' });
    if (retired === undefined) return;
    const { events } = apply(retired, command);
    if (events.length > 0) expect(events[0]!.type).toBe('DeviceRegistered');
    if (command.kind === 'patch' || command.kind === 'tag') expect(apply(retired, command).ok).toBe(false);
  }),
);

law(
  'a row tells the whole device',
  fc.property(someHistory, (commands) => {
    const { device } = play(commands);
    if (device !== undefined) expect(deviceOf(rowOf(device))).toEqual(device);
  }),
);

test('the same machine named twice in another spelling is one value', () => {
  const facts = {
    hostnames: ['Desk-7', 'desk-7.'],
    ips: ['2001:DB8::1', '2001:db8:0:0::1'],
    macs: [],
    tags: ['b', 'a'],
  };
  expect(normalised(facts)).toEqual({ hostnames: ['Desk-7'], ips: ['2001:db8::1'], macs: [], tags: ['a', 'b'] });
});

test("an agent's new report takes the place of its last one, and of another agent's", () => {
  const report = (agentId: string, hostname: string) =>
    ({ kind: 'report', agentId, report: { hostname, ips: [], macs: [] }, enrolledAt: timeOf(0) }) as const;
  const { device } = play([
    { kind: 'bring', facts: { hostnames: ['given'] }, source: 'import' },
    report('a', 'first'),
    report('a', 'second'),
    report('b', 'third'),
  ]);
  expect(identityOf(device!).hostnames).toEqual(['given', 'third']);
  expect(device?.agentId).toBe('b');
});

test('an agent that was enrolled before its device was retired does not bring it back; one enrolled since does, with what was known', () => {
  const retired = play([
    { kind: 'bring', facts: { label: 'Lobby', hostnames: ['given'] }, source: 'import' },
    { kind: 'retire' },
  ]).device;
  const report = (enrolledAt: string) =>
    ({ kind: 'report', agentId: 'a', report: { hostname: 'host', ips: [], macs: [] }, enrolledAt }) as const;
  expect(apply(retired, report(timeOf(2))).events).toEqual([]);
  const { after } = apply(retired, report(timeOf(3)));
  expect(after).toMatchObject({ state: 'active', label: 'Lobby', agentId: 'a', version: 4 });
  expect(identityOf(after!).hostnames).toEqual(['given', 'host']);
});

law(
  'no command makes a device whose id no path can name, and to one that is there everything is done as to any other',
  fc.property(fc.constantFrom('.', '..', ...reservedDeviceIds), someHistory, someCommand, (name, commands, command) => {
    expect(decide(name, undefined, command).ok).toBe(false);
    const { device } = play(commands);
    if (device === undefined) return;
    const { ok } = decide(name, { ...device, id: name }, command);
    expect(ok).toBe(decide(id, device, command).ok);
  }),
);
