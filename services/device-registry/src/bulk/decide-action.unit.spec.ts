import type { Device } from '../device/device.ts';
import { prepareAction } from './decide-action.ts';
import { filledTemplate, parseTemplate } from './decide-label.ts';

const device: Device = {
  state: 'active',
  id: 'D1',
  model: 'nPP16 D',
  label: 'Lobby',
  capabilities: ['relay'],
  tags: ['a', 'b'],
  group: 'North',
  given: { hostnames: ['pc-1', 'pc-2'], ips: [], macs: ['00:11:22:33:44:55'] },
  registeredAt: '2026-11-23T10:00:00.000Z',
  updatedAt: '2026-11-23T10:00:00.000Z',
  version: 1,
};

const verdictOf = (action: Parameters<typeof prepareAction>[0]) => {
  const decide = prepareAction(action);
  if (typeof decide === 'string') throw new Error(decide);
  return decide(device);
};

test('a template is filled with what is known of the device; braces are written twice', () => {
  const template = parseTemplate('{group}/{model} {{{id}}} {hostname} [{ip}] {mac}{platform}');
  expect(typeof template).toBe('object');
  expect(filledTemplate(template as never, device)).toBe('North/nPP16 D {D1} pc-1 [] 00:11:22:33:44:55');
});

test('a template that cannot be read says why', () => {
  expect(parseTemplate('{colour}')).toMatch(/has \{colour\}; there are \{id\}, \{model\}/);
  expect(parseTemplate('{model')).toMatch(/has a "\{" by itself/);
  expect(parseTemplate('a } b')).toMatch(/has a "\}" by itself/);
  expect(prepareAction({ type: 'relabel', template: '{x}' })).toMatch(/\{x\}/);
});

test('each action tells what it changes, and that there is nothing to change', () => {
  const example = (action: Parameters<typeof prepareAction>[0]) => {
    const verdict = verdictOf(action);
    return verdict.kind === 'changed' ? verdict.example : verdict;
  };
  expect(example({ type: 'relabel', template: '{label} {id}' })).toEqual({
    id: 'D1',
    field: 'label',
    before: 'Lobby',
    after: 'Lobby D1',
  });
  expect(example({ type: 'tag', add: ['c'], remove: ['a', 'z'] })).toEqual({
    id: 'D1',
    field: 'tags',
    before: ['a', 'b'],
    after: ['b', 'c'],
  });
  expect(example({ type: 'move', group: null })).toEqual({ id: 'D1', field: 'group', before: 'North', after: null });
  expect(example({ type: 'retire' })).toEqual({ id: 'D1', field: 'retired', before: false, after: true });
  expect(example({ type: 'relabel', label: 'Lobby' })).toEqual({ kind: 'unchanged' });
  expect(example({ type: 'tag', add: ['a'], remove: [] })).toEqual({ kind: 'unchanged' });
  expect(example({ type: 'move', group: 'North' })).toEqual({ kind: 'unchanged' });
});

test('what a registration could not give is refused for the device', () => {
  const tags = Array.from({ length: 63 }, (_, n) => `t${n}`);
  expect(verdictOf({ type: 'tag', add: tags, remove: [] })).toEqual({
    kind: 'failed',
    detail: expect.stringContaining('64 tags'),
  });
  expect(verdictOf({ type: 'relabel', template: `{label}${'x'.repeat(256)}` })).toMatchObject({ kind: 'failed' });
});
