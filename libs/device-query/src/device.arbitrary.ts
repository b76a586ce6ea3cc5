import { closeCapabilities, deviceCapabilities } from '@quell/contracts/device';
import { deviceQuery } from '@quell/contracts/device-query';
import fc from 'fast-check';
import type { QueriedDevice } from './match.ts';

const digits = (count: number) =>
  fc.integer({ min: 0, max: 10 ** count - 1 }).map((n) => String(n).padStart(count, '0'));
const hex = (count: number) =>
  fc.array(fc.constantFrom(...'0123456789abcdef'), { minLength: count, maxLength: count }).map((all) => all.join(''));

/** Ids as makers print them and as people make them up: no one length, no one alphabet. */
export const anyId = fc.oneof(
  fc.integer({ min: 3190, max: 3210 }).map((n) => `IN-00${n}`),
  digits(3).map((n) => `nPP16-D-${n}`),
  hex(8),
  hex(2).map((pair) => `00:1B:21:00:0A:${pair}`),
  hex(4).map((tail) => `550e8400-e29b-41d4-a716-44665544${tail}`),
  fc.constantFrom('#', 'Gerät 7', 'ß-12', '会議-3', '👩‍🔧', 'A.1/2', 'x1', 'x 1', '\uFEFFD-1'),
  fc.tuple(fc.constantFrom('SN', 'sn', 'X'), digits(2)).map(([maker, n]) => `${maker}${n}`),
);

export const anyModel = fc.constantFrom(
  '',
  'nPP16 D',
  'nPP16 IM',
  'nCM 9 2P',
  'rPP20 D',
  'nWSD',
  'nPP16-D',
  'nIO',
  '\uFEFFnIO',
);

const words = [
  ...[
    'Room',
    'Raum',
    'Konferenz',
    'Conference',
    'Büro',
    'Buro',
    'Straße',
    'Łódź',
    'café',
    'cafe\u0301',
    '会議室',
    'がく',
  ],
  ...[
    '2',
    '10',
    '102',
    '101',
    '007',
    '7',
    'Nord',
    'north',
    'Flur',
    '3.OG',
    'A-1',
    'ﬁre',
    '🔥',
    'Æon',
    'İzmir',
    '\uFEFFNord',
    'c',
    'ca',
  ],
];
export const anyLabel = fc.oneof(
  { weight: 1, arbitrary: fc.constant('') },
  {
    weight: 6,
    arbitrary: fc
      .tuple(fc.array(fc.constantFrom(...words), { minLength: 1, maxLength: 4 }), fc.constantFrom(' ', '-', '', ' / '))
      .map(([chosen, separator]) => chosen.join(separator)),
  },
);

export const anyCapabilities = fc.subarray([...deviceCapabilities]).map(closeCapabilities);
const platforms = ['windows', 'linux', 'other'] as const;
const groups = ['North', 'South', '\uFEFFOst'];
const tags = ['new', 'old', 'leased'];
const few = <T>(arbitrary: fc.Arbitrary<T>) => fc.array(arbitrary, { maxLength: 2 });

/** A device; several of them may share every text but the id. */
export const anyDevice: fc.Arbitrary<QueriedDevice> = fc.record({
  id: anyId,
  model: anyModel,
  label: anyLabel,
  capabilities: anyCapabilities,
  hostnames: few(
    fc.constantFrom('nlight-ecy-0312.example.org', 'room-2', 'ecy-312', 'konferenz.local', 'BÜRO-7', 'ca'),
  ),
  ips: few(fc.constantFrom('10.0.0.1', '10.0.0.12', '192.0.2.7', '2001:db8::7', 'FE80::1')),
  macs: few(fc.constantFrom('00:1b:21:00:00:01', '00:1b:21:0a:bc:de', 'ca:fe:00:00:31:99')),
  platform: fc.option(fc.constantFrom(...platforms), { nil: undefined }),
  group: fc.option(fc.constantFrom(...groups), { nil: undefined }),
  tags: fc.subarray(tags),
});

/** Devices of a registry: no id twice. */
export const anyDevices = (maxLength: number) =>
  fc.uniqueArray(anyDevice, { maxLength, selector: (device) => device.id });

const noise = fc.constantFrom(...'abcdnrp0123-.: éß', '');

function mistype(word: string, at: number, by: string, kind: number): string {
  const place = word.length === 0 ? 0 : at % word.length;
  if (kind === 0) return word.slice(0, place) + by + word.slice(place);
  if (kind === 1) return word.slice(0, place) + word.slice(place + 1);
  if (kind === 2) return word.slice(0, place) + by + word.slice(place + 1);
  return (
    word.slice(0, place) +
    word
      .slice(place, place + 2)
      .split('')
      .reverse()
      .join('') +
    word.slice(place + 2)
  );
}

/** A word as somebody types it who has such a device in mind: a piece of one of its texts, perhaps with a typo. */
const anyWord = fc.oneof(
  fc
    .tuple(anyDevice, fc.nat({ max: 4 }), fc.nat({ max: 20 }), fc.integer({ min: 1, max: 12 }))
    .map(([{ id, model, label, hostnames, ips, macs }, field, from, length]) => {
      const text = [id, label, model, hostnames[0] ?? label, ips[0] ?? macs[0] ?? id][field]!;
      const start = from % Math.max(1, text.length);
      return text.slice(from > 10 ? 0 : start, (from > 10 ? 0 : start) + length).toWellFormed();
    }),
  fc
    .tuple(fc.oneof(anyLabel, anyId, anyModel), fc.nat(), noise, fc.nat({ max: 3 }))
    .map(([text, at, by, kind]) => mistype(text, at, by, kind).toWellFormed()),
  fc.array(noise, { maxLength: 4 }).map((all) => all.join('')),
);

export const anyText = fc
  .tuple(fc.array(anyWord, { maxLength: 3 }), fc.constantFrom(' ', '  ', '\u00a0'))
  .map(([typed, space]) => typed.join(space).slice(0, 256).toWellFormed());

const rarely = <T>(values: readonly T[]) =>
  fc.oneof({ weight: 4, arbitrary: fc.constant([] as T[]) }, { weight: 1, arbitrary: fc.subarray([...values]) });

export const anyQuery = fc
  .record({
    q: fc.oneof({ weight: 1, arbitrary: fc.constant('') }, { weight: 9, arbitrary: anyText }),
    feature: fc.oneof(fc.constant([]), fc.subarray([...deviceCapabilities], { maxLength: 2 })),
    match: fc.constantFrom('all' as const, 'any' as const),
    group: rarely(groups),
    platform: rarely(platforms),
    model: rarely(['nPP16 D', 'nWSD']),
    tag: rarely(tags),
  })
  .map((query) => deviceQuery.parse(query));
