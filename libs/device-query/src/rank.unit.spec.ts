import fc from 'fast-check';
import { anyDevice, anyDevices, anyText } from './device.arbitrary.ts';
import { foldDevice, matchesText, type QueriedDevice } from './match.ts';
import { parseQueryText } from './parse-query.ts';
import { compareRank, compareText, displayKey, naturalKey, rankClassOf, rankOf } from './rank.ts';

const device = (given: Partial<QueriedDevice>): QueriedDevice => ({
  id: 'zz',
  model: '',
  label: '',
  capabilities: [],
  hostnames: [],
  ips: [],
  macs: [],
  tags: [],
  ...given,
});
const classOf = (q: string, given: Partial<QueriedDevice>) =>
  rankClassOf(parseQueryText(q), foldDevice(device(given)), 'as-typed');

test.each([
  ['id-equal', 'npp16d', { id: 'nPP16-D', model: 'nPP16 D', label: 'nPP16 D' }],
  ['id-prefix', 'npp16d', { id: 'nPP16-D-347', label: 'nPP16 D' }],
  ['label-equal', 'npp 16 d', { label: 'nPP16 D', model: 'nPP16 D' }],
  ['label-prefix', 'raum 1', { label: 'Raum 12' }],
  ['label-words', '12 rau', { label: 'Raum 12', model: '12 raum' }],
  ['model-equal', 'npp16 d', { model: 'nPP16 D', label: 'x' }],
  ['model-prefix', 'npp16', { model: 'nPP16 D', hostnames: ['npp16'] }],
  ['model-words', 'd npp', { model: 'nPP16 D' }],
  ['hostname', 'room2', { hostnames: ['x', 'room-2.local'] }],
  ['other', '199', { id: 'IN-3199' }],
  ['label-prefix', 'in', { id: 'IN-3199', label: 'Inside' }],
  ['id-prefix', 'in', { id: 'IN-3199', label: 'x', model: 'in' }],
  ['id-prefix', 'in-', { id: 'IN-3199', label: 'x' }],
] as const)('%s: %j for %j', (name, q, given) => {
  expect(classOf(q, given)).toBe(name);
});

test('room 2 comes before room 10, whatever its case, accents and leading zeros', () => {
  const names = ['Raum 10', 'raum 2', 'Räum 1', 'Raum 002 b', 'Raum', 'Raum 2 Ost', 'Zimmer 1', '9', '10'];
  const sorted = [...names].sort((a, b) => compareText(naturalKey(a), naturalKey(b)));
  expect(sorted).toEqual(['9', '10', 'Raum', 'Räum 1', 'raum 2', 'Raum 002 b', 'Raum 2 Ost', 'Raum 10', 'Zimmer 1']);
});

test('texts are ordered as UTF-8 bytes are', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (a, b) => {
      expect(Math.sign(compareText(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)));
    }),
  );
  expect(compareText('\u{1f525}', '\uffff')).toBeGreaterThan(0);
});

test('the order of an answer is total: no two devices tie, and any way of sorting gives the same', () => {
  fc.assert(
    fc.property(anyDevices(10), anyText, (devices, q) => {
      const text = parseQueryText(q);
      const keys = devices.map((one) => ({
        rank: rankOf(text, foldDevice(one), 'typos'),
        key: displayKey(one),
        id: one.id,
      }));
      for (const a of keys) {
        for (const b of keys) {
          expect(Math.sign(compareRank(a, b))).toBe(-Math.sign(compareRank(b, a)) + 0);
          if (a !== b) expect(compareRank(a, b)).not.toBe(0);
        }
      }
      expect([...keys].reverse().sort(compareRank)).toEqual([...keys].sort(compareRank));
    }),
    { numRuns: 300 },
  );
});

test('a device whose whole id was typed is found, and none stands above it in another class', () => {
  fc.assert(
    fc.property(anyDevice, anyDevice, (one, another) => {
      const text = parseQueryText(foldDevice(one).id.joined);
      if (text.kind !== 'words') return;
      expect(matchesText(text, foldDevice(one), 'as-typed')).toBe(true);
      expect(rankOf(text, foldDevice(one), 'as-typed')).toBe(0);
      expect(rankOf(text, foldDevice(another), 'as-typed')).toBeGreaterThanOrEqual(0);
    }),
  );
});
