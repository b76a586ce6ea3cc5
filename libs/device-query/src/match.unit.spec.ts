import { deviceCapabilities } from '@quell/contracts/device';
import { type DeviceQuery, deviceQuery } from '@quell/contracts/device-query';
import fc from 'fast-check';
import { anyDevice, anyDevices, anyQuery, anyText } from './device.arbitrary.ts';
import { foldText, foldWord } from './fold.ts';
import { compileQuery, foldDevice, matchesDevice, matchesText, partsOf, type QueriedDevice } from './match.ts';
import { naiveSearch } from './naive-search.fixture.ts';
import { matchLevels, parseQueryText } from './parse-query.ts';
import { compareRank, displayKey, rankOf } from './rank.ts';

const query = (given: Partial<DeviceQuery>): DeviceQuery => deviceQuery.parse(given);
const device = (given: Partial<QueriedDevice>): QueriedDevice => ({
  id: 'IN-003199',
  model: 'nPP16 D',
  label: 'Straße 7 / Büro 12',
  capabilities: ['relay'],
  hostnames: ['nlight-ecy-0312.example.org'],
  ips: ['10.0.0.12', '2001:DB8::7'],
  macs: ['00:1b:21:0a:bc:de'],
  platform: 'linux',
  group: 'North',
  tags: ['new', 'leased'],
  ...given,
});

test.each([
  ...['nPP16-D', 'npp16d', 'npp16 d', 'NPP16 D', 'd npp16', '3199', '003199', '0031', 'in-0031'],
  ...['strasse', 'STRASSE buro', 'bü', '12', '7 büro', '7büro', 'strasse7buro12', '12 büro', 'ecy 0312', 'ecy0312'],
  ...['10.0.0.1', '10.0.0.12 bü', '2001:db8', '0abc', '00:1b:21', '00-1B-21-0A', '001b.210a.bcde', ''],
])('%j finds the device', (q) => {
  expect(matchesDevice(query({ q }), device({}))).toBe(true);
});

test.each([
  ...['strass büro', 'raße', '-', '🔥', '99', '10.0.0.1 büro', '5', 'bc', 'npp16d x', 'iro', '112', '0.0.12'],
])('%j does not', (q) => {
  expect(matchesDevice(query({ q }), device({}))).toBe(false);
});

test.each<[boolean, Partial<DeviceQuery>]>([
  [true, { feature: ['relay'] }],
  [true, { feature: ['dimming-or-relay', 'relay', 'relay'] }],
  [false, { feature: ['relay', 'switch'] }],
  [true, { feature: ['relay', 'switch'], match: 'any' }],
  [false, { feature: ['dimming'], match: 'any' }],
  [true, { group: ['South', 'North'], platform: ['linux'], model: ['nPP16 D'], tag: ['old', 'new'] }],
  [false, { group: ['South'] }],
  [false, { tag: ['old'] }],
  [false, { model: ['npp16 d'] }],
])('%s for %j', (found, filter) => {
  expect(matchesDevice(query(filter), device({}))).toBe(found);
});

test('every reading of every query finds what the naive scan finds, in the same order', () => {
  fc.assert(
    fc.property(anyDevices(12), anyQuery, (devices, asked) => {
      const { found, matched } = naiveSearch(devices, asked);
      const text = parseQueryText(asked.q);
      const others = compileQuery({ ...asked, q: '' });
      const hits = devices.filter((one) => others(one) && matchesText(text, foldDevice(one), matched));
      const ranked = hits.map((one) => ({
        rank: rankOf(text, foldDevice(one), matched),
        key: displayKey(one),
        id: one.id,
        device: one,
      }));
      expect(ranked.sort(compareRank)).toEqual(found);
      if (matched === 'as-typed') expect(devices.filter(compileQuery(asked))).toHaveLength(found.length);
    }),
    { numRuns: 2_000 },
  );
});

test('a device is found by every beginning of its model and of each word of its label and host names', () => {
  fc.assert(
    fc.property(anyDevice, (one) => {
      const folded = foldDevice(one);
      const values = [folded.label, ...folded.hostnames].flatMap(partsOf);
      for (const value of [...values, ...(one.model === '' ? [] : [folded.model.joined])]) {
        const characters = [...value];
        for (let length = 1; length <= characters.length; length++) {
          expect(matchesDevice(query({ q: characters.slice(0, length).join('') }), one)).toBe(true);
        }
      }
    }),
  );
});

test('a device is found by every piece of its id of at least three characters', () => {
  fc.assert(
    fc.property(anyDevice, fc.nat(), fc.integer({ min: 3, max: 20 }), (one, from, length) => {
      const characters = [...foldWord(one.id)];
      const start = from % Math.max(1, characters.length - 2);
      const piece = characters.slice(start, start + length).join('');
      if ([...piece].length >= 3) expect(matchesDevice(query({ q: piece }), one)).toBe(true);
    }),
    { numRuns: 500 },
  );
});

test('each level finds at least what the stricter one finds, and a further word or feature never adds a device', () => {
  fc.assert(
    fc.property(anyDevices(8), anyText, fc.constantFrom('npp16', '10', 'ro', 'x'), (devices, q, word) => {
      const folded = devices.map(foldDevice);
      const found = matchLevels.map((level) => folded.filter((one) => matchesText(parseQueryText(q), one, level)));
      expect(found[1]).toEqual(expect.arrayContaining(found[0]!));
      expect(found[2]).toEqual(expect.arrayContaining(found[1]!));
      if (q.trim() === '' || foldWord(q) === '') return;
      const narrowed = folded.filter((one) => matchesText(parseQueryText(`${word} ${q}`), one, 'as-typed'));
      expect(found[0]).toEqual(expect.arrayContaining(narrowed));
    }),
    { numRuns: 500 },
  );
});

test('facets add up: what a feature would leave is what is found when it is added', () => {
  fc.assert(
    fc.property(anyDevices(12), anyQuery, fc.constantFrom(...deviceCapabilities), (devices, asked, added) => {
      const { found, facets, matched } = naiveSearch(devices, asked);
      const { own } = facets.capabilities['dimming-or-relay'];
      expect(own).toBeGreaterThanOrEqual(facets.capabilities.relay.own);
      const after = naiveSearch(devices, { ...asked, feature: [...asked.feature, added] });
      if (after.matched === matched && found.length > 0) {
        expect(facets.capabilities[added].count).toBe(after.found.length);
      }
      const sum = facets.groups.values.reduce((total, { count }) => total + count, 0);
      expect(sum).toBe(found.filter(({ device: one }) => one.group !== undefined).length);
    }),
    { numRuns: 500 },
  );
});

test('folding twice is folding once, whatever the text', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (any) => {
      expect(foldText(foldText(any))).toBe(foldText(any));
    }),
    { numRuns: 2_000 },
  );
});

test('every single character of Unicode folds to what folds to itself', () => {
  const wrong: string[] = [];
  for (let code = 0; code <= 0x10ffff; code++) {
    const folded = foldText(String.fromCodePoint(code));
    if (foldText(folded) !== folded) wrong.push(code.toString(16));
  }
  expect(wrong).toEqual([]);
});
