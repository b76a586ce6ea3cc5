import fc from 'fast-check';
import type { ActionTask } from './recommended-actions.ts';
import type { ReportedThreat, RollbackItem } from './run-result.ts';
import { rollbackItem, threatOutcome } from './run-result.ts';
import type { TaskEndpoint } from './task-endpoint.ts';
import { exceptionMatch, incompleteReason, type TaskStatus } from './task-status.ts';
import { platform, taskInitiator, taskKind } from './vocabulary.ts';

/** Any text but such as looks like a placeholder itself: tests search for those. */
const words = fc
  .oneof(fc.string({ minLength: 1, maxLength: 40 }), fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }))
  .filter((text) => !/%TaskID%|undefined|\[object|null|NaN|\{\w+\}/.test(text));
const pick = <T>(options: readonly T[]) => fc.constantFrom(...options);
const time = fc
  .date({ noInvalidDate: true, min: new Date('2020-01-01'), max: new Date('2040-01-01') })
  .map((date) => date.toISOString());

/** A record whose members named in `required` are always there and the others only sometimes; never present and undefined. */
function record<T>(model: { [K in keyof T]-?: fc.Arbitrary<Exclude<T[K], undefined>> }, required: (keyof T)[]) {
  return fc.record(model, { requiredKeys: required as never[] }) as unknown as fc.Arbitrary<T>;
}

const threat = record<ReportedThreat>(
  {
    id: words,
    name: words,
    path: words,
    sha256: fc.constant('a'.repeat(64)),
    outcome: pick(threatOutcome.options),
    by: words,
    action: words,
    error: words,
  },
  ['id', 'name', 'outcome'],
);
const threats = fc.array(threat, { maxLength: 13 });
const item = record<RollbackItem>(
  { id: words, restored: fc.boolean(), reason: pick(rollbackItem.shape.reason.unwrap().options), detail: words },
  ['id', 'restored'],
);
const component = record<{ name: string; version?: string; error?: string }>(
  { name: words, version: words, error: words },
  ['name'],
);
const noAnswer = fc.constant('no-answer' as const);
const seconds = fc.integer({ min: 1, max: 100_000 });

type Facts = { [C in TaskStatus['code']]: fc.Arbitrary<Omit<Extract<TaskStatus, { code: C }>, 'code'>> };
const none = fc.constant({});

const facts: Facts = {
  'mitigation-in-progress': fc.record({ phase: pick(['queued', 'dispatched', 'accepted'] as const) }),
  'all-threats-resolved': none,
  'security-software-took-action': record({ by: words, action: words }, []),
  'threat-no-longer-exists': none,
  'potential-threat-resolved': none,
  'no-threat-found': record({ bypassedFiles: fc.nat() }, []),
  'rollback-successful': none,
  'manual-cleanup-needed': none,
  'mitigation-exception': fc.record({
    exception: fc.record({ exceptionId: words, kind: pick(exceptionMatch.shape.kind.options), value: words }),
  }),
  'selected-threats-resolved': record({ left: threats, reason: noAnswer }, ['left']),
  'no-action-on-threats': record({ left: threats, reason: noAnswer }, ['left']),
  'mitigation-timeout': fc.record({ limitSeconds: seconds }),
  'cannot-connect-to-endpoint': record({ limitSeconds: seconds, lastContactAt: time }, []),
  'platform-not-supported': fc.record({ scanOffered: fc.boolean() }),
  'incomplete-task': record({ reason: pick(incompleteReason.options), limitSeconds: seconds }, ['reason']),
  'not-all-threats-resolved': fc.record({ failed: threats }),
  'not-all-selected-threats-resolved': fc.record({ failed: threats, left: threats }),
  'agent-component-restart-required': record({ component }, []),
  'agent-component-error': record({ component, rejected: fc.record({ pointer: words, detail: words }) }, []),
  'corrupted-configuration': record({ configurationFile: words }, []),
  'pattern-not-found': record({ patternId: words }, []),
  'cannot-send-scan-query': none,
  'rollback-unsuccessful': fc.record({ items: fc.array(item, { maxLength: 13 }) }),
};

/** Any status with any facts it can carry; every code is drawn as often as the others. */
export const anyStatus: fc.Arbitrary<TaskStatus> = fc.oneof(
  ...Object.entries(facts).map(([code, of]) => (of as fc.Arbitrary<object>).map((rest) => ({ code, ...rest }))),
) as fc.Arbitrary<TaskStatus>;

const endpoint = record<TaskEndpoint>(
  {
    endpointId: fc.uuid(),
    agentId: fc.constant('x'.repeat(43)),
    deviceId: words,
    hostname: words,
    ips: fc.array(fc.ipV4(), { maxLength: 3 }),
    platform: pick(platform.options),
  },
  ['endpointId', 'ips'],
);

export const anyActionTask: fc.Arbitrary<ActionTask> = record<ActionTask>(
  {
    id: fc.uuid(),
    kind: pick(taskKind.options),
    initiator: pick(taskInitiator.options),
    endpoint,
    restorable: fc.array(record<{ id: string; path?: string }>({ id: words, path: words }, ['id']), { maxLength: 4 }),
    scanCapable: fc.boolean(),
  },
  ['id', 'kind', 'initiator', 'endpoint', 'restorable'],
);
