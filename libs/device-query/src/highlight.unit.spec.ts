import fc from 'fast-check';
import { anyDevice, anyText } from './device.arbitrary.ts';
import { foldWord } from './fold.ts';
import { type Highlight, highlightDevice } from './highlight.ts';
import { foldDevice, matchesText, type QueriedDevice } from './match.ts';
import { type MatchLevel, matchLevels, parseQueryText } from './parse-query.ts';

const textOf = (device: QueriedDevice, { field, index }: Highlight): string =>
  index === undefined ? String(device[field]) : device[field][index]!;
const blank: QueriedDevice = {
  id: 'x',
  model: '',
  label: '',
  capabilities: [],
  hostnames: [],
  ips: [],
  macs: [],
  tags: [],
};
/** The value with its highlights in brackets. */
function shown(q: string, given: Partial<QueriedDevice>, level: MatchLevel = 'as-typed'): string[] {
  const device = { ...blank, ...given };
  return highlightDevice(parseQueryText(q), device, level).map((highlight) => {
    let value = textOf(device, highlight);
    for (const [start, end] of highlight.ranges.toReversed()) {
      value = `${value.slice(0, start)}[${value.slice(start, end)}]${value.slice(end)}`;
    }
    return value;
  });
}

test.each<[string, Partial<QueriedDevice>, string[]]>([
  ['npp16d', { model: 'nPP16 D', label: 'an nPP16-D!' }, ['an [nPP16-D]!', '[nPP16 D]']],
  ['stras', { label: 'Straße' }, ['[Straß]e']],
  ['cafe', { label: 'cafe\u0301 🔥' }, ['[cafe\u0301] 🔥']],
  ['3199', { id: 'IN-003199-3199' }, ['IN-00[3199]-[3199]']],
  ['buro 1', { label: '🔥 Büro 12' }, ['🔥 [Büro] [1]2']],
  ['10.0', { ips: ['10.0.0.1'], label: 'x 10/0' }, ['x [10/0]', '[10.0].0.1']],
  ['001b', { macs: ['00:1b:21:00:00:01'] }, ['[00:1b]:21:00:00:01']],
  ['会', { label: '会議室' }, ['[会]議室']],
  ['①', { label: '½ 1' }, ['[½] [1]']],
])('%j in %j', (q, given, values) => {
  expect(shown(q, given)).toEqual(values);
});

test('a mistyped word highlights the whole part that it stands for', () => {
  expect(shown('confrence 3', { label: 'Conference-3' }, 'typos')).toEqual(['[Conference]-[3]']);
  expect(shown('in3919', { id: 'IN-3199' }, 'typos')).toEqual(['[IN-3199]']);
  expect(shown('nqp16d', { model: 'x nPP16 D' }, 'typos')).toEqual(['x [nPP16 D]']);
});

test('whatever matches is highlighted: whole characters, in order, apart, and each stands for something typed', () => {
  fc.assert(
    fc.property(anyDevice, anyText, fc.constantFrom(...matchLevels), (device, q, level) => {
      const text = parseQueryText(q);
      const highlights = highlightDevice(text, device, level);
      if (text.kind === 'words' && matchesText(text, foldDevice(device), level)) expect(highlights).not.toEqual([]);
      for (const highlight of highlights) {
        const value = textOf(device, highlight);
        let before = -1;
        for (const [start, end] of highlight.ranges) {
          expect(start).toBeGreaterThan(before);
          expect(end).toBeGreaterThan(start);
          expect(end).toBeLessThanOrEqual(value.length);
          const piece = value.slice(start, end);
          expect(piece.isWellFormed()).toBe(true);
          expect(foldWord(piece)).not.toBe('');
          expect(/^\p{M}/u.test(value.slice(end))).toBe(false);
          before = end;
        }
      }
    }),
    { numRuns: 1_000 },
  );
});
