import fc from 'fast-check';
import { type ActionTask, recommendedActions, taskStatusCatalogue } from './recommended-actions.ts';
import { statusCatalogue, taskStatusList } from './status-catalogue.ts';
import { statusDescription } from './status-description.ts';
import { anyActionTask, anyStatus } from './status-facts.arbitrary.ts';
import type { TaskStatus } from './task-status.ts';

const task: ActionTask = {
  id: '0199b3f2-5a5e-7c3a-9d5e-4f1f6a1b2c3d',
  kind: 'threat-mitigation',
  initiator: 'source',
  endpoint: {
    endpointId: '6e5a3f0e-6f3c-4b43-8f9c-0c2f6f1d7a10',
    hostname: 'desk-7',
    ips: ['192.0.2.7'],
    platform: 'windows',
  },
  restorable: [{ id: 'b1', path: 'C:\\Users\\a\\x.exe' }],
};

const textOf = (facts: TaskStatus, of: ActionTask = task) =>
  recommendedActions(facts, of)
    .map(({ text, href, command }) => [text, href, command].filter((part) => part !== undefined).join(' | '))
    .join('\n');

test('an action is recommended exactly when the status requires one, whatever the facts', () => {
  fc.assert(
    fc.property(anyStatus, anyActionTask, (facts, of) => {
      const required = statusCatalogue.find(({ code }) => code === facts.code)?.actionRequired;
      expect(recommendedActions(facts, of).length > 0).toBe(required);
    }),
    { numRuns: 2000 },
  );
});

test('no action and no description holds an unfilled placeholder, whatever the facts', () => {
  fc.assert(
    fc.property(anyStatus, anyActionTask, (facts, of) => {
      const all = `${textOf(facts, of)}\n${statusDescription(facts)}`;
      expect(all).not.toMatch(/%TaskID%|undefined|\[object|null|NaN|\{\w+\}/);
    }),
    { numRuns: 5000 },
  );
});

test('a link is a path of this server without spaces or control characters, whatever the facts', () => {
  fc.assert(
    fc.property(anyStatus, anyActionTask, (facts, of) => {
      for (const { href } of recommendedActions(facts, of)) {
        if (href !== undefined) expect(href).toMatch(/^\/v1\/[\w\-./%~!*'()]+$/);
      }
    }),
    { numRuns: 2000 },
  );
});

test('text that an agent or a source chose cannot start a new line', () => {
  fc.assert(
    fc.property(anyStatus, anyActionTask, (facts, of) => {
      for (const { text } of recommendedActions(facts, of)) expect(text.split(/[\r\n\u2028\u2029]/)).toHaveLength(1);
      expect(statusDescription(facts).split(/[\r\n\u2028\u2029]/)).toHaveLength(1);
    }),
    { numRuns: 2000 },
  );
});

test('manual cleanup leads to Run Cleanup of this very task', () => {
  const text = textOf({ code: 'manual-cleanup-needed' });
  expect(text).toContain('Require post-assessment cleanup');
  expect(text).toContain('Run Cleanup');
  expect(text).toContain(`/v1/tasks/${task.id}/run-cleanup`);
});

test('an exception is named and can be suspended for this task', () => {
  const text = textOf({
    code: 'mitigation-exception',
    exception: { exceptionId: 'ex 1', kind: 'cidr', value: '192.0.2.0/24' },
  });
  expect(text).toContain('cidr "192.0.2.0/24"');
  expect(text).toContain('/v1/mitigation-exceptions/ex%201/suspend');
  expect(text).toContain(`{"taskIds":["${task.id}"]}`);
});

test('a timeout names the limit that passed, and how to retry and raise it', () => {
  const text = textOf({ code: 'mitigation-timeout', limitSeconds: 600 });
  expect(text).toContain('10 min');
  expect(text).toContain(`/v1/tasks/${task.id}/retry`);
  expect(text).toContain('/v1/mitigation-policy');
});

test('an endpoint without contact: the last contact and the known address are named', () => {
  const text = textOf({
    code: 'cannot-connect-to-endpoint',
    lastContactAt: '2026-11-23T10:00:00Z',
    limitSeconds: 3600,
  });
  expect(text).toContain('2026-11-23T10:00:00Z');
  expect(text).toContain('192.0.2.7');
  expect(text).toContain('firewall');
});

test('a scan is offered only to a platform that can run one', () => {
  expect(textOf({ code: 'platform-not-supported', scanOffered: true })).toContain('/v1/tasks');
  expect(textOf({ code: 'platform-not-supported', scanOffered: false })).not.toContain('/v1/tasks');
  expect(textOf({ code: 'platform-not-supported', scanOffered: true }, { ...task, scanCapable: false })).not.toContain(
    '/v1/tasks',
  );
});

test('threats that were not resolved are named with their place and reason, ten at most', () => {
  const failed = Array.from({ length: 12 }, (_, index) => ({
    id: `t${index}`,
    name: `Worm.${index}`,
    path: `/srv/${index}`,
    outcome: 'failed' as const,
    error: 'file in use',
  }));
  const text = textOf({ code: 'not-all-threats-resolved', failed });
  expect(text).toContain('"Worm.9" at "/srv/9", "file in use"; and 2 more.');
  expect(text).not.toContain('Worm.10');
});

test('an agent component error names the component, or the place where the result broke the contract', () => {
  const component = { name: 'scanner', version: '1.2', error: 'out of memory' };
  expect(textOf({ code: 'agent-component-error', component })).toContain(
    'The component: "scanner", version "1.2", error "out of memory".',
  );
  expect(
    textOf({ code: 'agent-component-error', rejected: { pointer: '/threats/0/outcome', detail: 'unknown' } }),
  ).toContain('"/threats/0/outcome"');
});

test('a failed rollback names the items with their reasons and the restore command with the real task id', () => {
  const facts: TaskStatus = {
    code: 'rollback-unsuccessful',
    items: [
      { id: 'b1', restored: false, reason: 'backup-missing' },
      { id: 'b2', restored: true },
    ],
  };
  const actions = recommendedActions(facts, task);
  expect(actions.map(({ text }) => text).join('\n')).toContain('"C:\\Users\\a\\x.exe" (backup-missing)');
  expect(actions.map(({ text }) => text).join('\n')).not.toContain('b2');
  expect(actions.flatMap(({ command }) => command ?? [])).toEqual([`npm run agent -- restore --task ${task.id}`]);
});

test('the catalogue as it is served fits its schema and gives advice for every status that requires an action', () => {
  const list = taskStatusCatalogue();
  expect(taskStatusList.parse(list)).toEqual(list);
  for (const { code, actionRequired, recommendedActions: actions } of list.items) {
    expect([code, actions.length > 0]).toEqual([code, actionRequired]);
  }
});
