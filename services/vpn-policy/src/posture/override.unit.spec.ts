import { statusCode } from '@quell/contracts/task';
import type { VpnEvaluateRequest } from '@quell/contracts/vpn-evaluate';
import {
  type PostureSettings,
  postureAnswer,
  postureSettings,
  type UnresolvedThreat,
} from '@quell/contracts/vpn-posture';
import fc from 'fast-check';
import { evaluate } from '../evaluation/evaluate.ts';
import {
  anyAppleContext,
  anyAppleDialect,
  anyApplePayload,
  anyCiscoContext,
  anyCiscoProfile,
  anyGlobalProtectContext,
  anyGlobalProtectPolicy,
} from '../evaluation/requests.arbitrary.ts';
import { overrideByPosture } from './override.ts';
import { countedThreats, countingThreats } from './unresolved.ts';

const threat: UnresolvedThreat = {
  taskId: '0199b3f2-0000-7c3a-9d5e-000000000001',
  threatKey: 'sha256:a',
  status: 'mitigation-in-progress',
  severity: 4,
  since: '2026-11-23T10:00:00.000Z',
  acknowledged: false,
};
const exception = { exceptionId: 'ex', kind: 'device', value: 'Door-7' } as const;
const settings = (kind: PostureSettings['action']['kind'], more: object = {}): PostureSettings =>
  postureSettings.parse({ action: kind === 'remediate' ? { kind, network: 'Clean room' } : { kind }, ...more });

const apple = (rule: object, vpn?: 'connected' | 'disconnected'): VpnEvaluateRequest => ({
  dialect: 'apple-mdm',
  payload: { OnDemandEnabled: 1, OnDemandRules: [rule as never] },
  context: {
    ...(vpn === undefined ? {} : { vpn }),
    network: { interface: 'WiFi', ssid: 'Cafe', primaryIsVirtual: false },
  },
});
const cisco: VpnEvaluateRequest = {
  dialect: 'cisco-anyconnect',
  profile: { CertificatePolicy: 'Auto', ConnectOnDemand: true, IfNeeded: ['.example.com'] },
  context: { host: 'www.example.com', dns: 'nxdomain' },
};
type Event = 'boot' | 'user-login' | 'user-connect' | 'user-disconnect';
const globalProtect = (event: Event, connectMethod: 'user-logon' | 'on-demand' = 'user-logon'): VpnEvaluateRequest => ({
  dialect: 'globalprotect',
  connectMethod,
  platform: 'windows',
  event,
  override: 'allow',
  timeoutMin: 30,
  maxUserOverrides: 0,
});

const under = (kind: PostureSettings['action']['kind'], request: VpnEvaluateRequest, threats = [threat]) =>
  overrideByPosture(settings(kind), threats, request, evaluate(request));

describe('apple: as one rule without criteria before all others', () => {
  test.each([
    ['disconnect', 'connected', 'disconnect', 'disconnected'],
    ['disconnect', undefined, 'disconnect', 'disconnected'],
    ['never-connect', 'connected', 'no-trigger', 'connected'],
    ['never-connect', 'disconnected', 'no-trigger', 'disconnected'],
    ['never-connect', undefined, 'no-trigger', null],
    ['remediate', 'disconnected', 'connect', 'connected'],
  ] as const)('%s with the tunnel %s: %s, then %s', (kind, vpn, decision, nextVpn) => {
    expect(under(kind, apple({ Action: 'Connect' }, vpn))).toMatchObject({
      decision,
      nextVpn,
      reason: 'posture',
      ruleIndex: null,
      posture: {
        tasks: [{ taskId: threat.taskId, threatKey: threat.threatKey }],
        count: 1,
        without: { decision: 'connect', ruleIndex: 0, reason: 'RULE_MATCHED_CATCHALL' },
      },
    });
  });

  test('never-connect lets a Disconnect of the policy stand: it is the stricter one', () => {
    const answer = under('never-connect', apple({ Action: 'Disconnect' }, 'connected'));
    expect(answer).toMatchObject({ decision: 'disconnect', nextVpn: 'disconnected', reason: 'posture' });
  });

  test('it decides also where on-demand is off, and where no network is known', () => {
    const off: VpnEvaluateRequest = { dialect: 'apple-mdm', payload: {}, context: {} };
    expect(under('disconnect', off)).toMatchObject({
      decision: 'disconnect',
      posture: { without: { decision: 'disabled' } },
    });
    const nowhere: VpnEvaluateRequest = { ...off, payload: { OnDemandEnabled: 1, OnDemandRules: [] } };
    expect(under('remediate', nowhere)).toMatchObject({
      decision: 'connect',
      posture: { action: { network: 'Clean room' } },
    });
  });
});

describe('cisco-anyconnect: as every name in Never, or in Always', () => {
  test.each([
    ['disconnect', 'no-trigger', true],
    ['never-connect', 'no-trigger', undefined],
    ['remediate', 'connect', undefined],
  ] as const)('%s: %s; a tunnel that is up is ended at the gateway: %s', (kind, decision, endAtGateway) => {
    const answer = under(kind, cisco);
    expect(answer).toMatchObject({ decision, reason: 'posture', posture: { without: { decision: 'connect' } } });
    expect(answer.posture?.endAtGateway).toBe(endAtGateway);
  });
});

describe('globalprotect: whatever the connect method', () => {
  test.each([
    ['disconnect', 'boot', 'disconnect'],
    ['disconnect', 'user-login', 'disconnect'],
    ['disconnect', 'user-connect', 'deny'],
    ['disconnect', 'user-disconnect', 'disconnect'],
    ['never-connect', 'boot', 'none'],
    ['never-connect', 'user-login', 'none'],
    ['never-connect', 'user-connect', 'deny'],
    ['never-connect', 'user-disconnect', 'disconnect'],
    ['remediate', 'boot', 'connect'],
    ['remediate', 'user-login', 'connect'],
    ['remediate', 'user-connect', 'connect'],
    ['remediate', 'user-disconnect', 'deny'],
  ] as const)('%s at %s: %s', (kind, event, action) => {
    const answer = under(kind, globalProtect(event));
    expect(answer).toMatchObject({ action, reason: 'posture', posture: { count: 1 } });
    // The app does not come back by itself, nor offer to leave the remediation network.
    if (action === 'disconnect') expect(answer).toMatchObject({ reconnectAfterMin: null });
    if (action === 'connect') expect(answer).toMatchObject({ disconnectOption: false });
  });
});

describe('what counts', () => {
  const counts = (more: object, one: Partial<UnresolvedThreat>) =>
    countingThreats(settings('disconnect', more), [{ ...threat, ...one }]).length === 1;

  test('every unresolved status does unless the policy names fewer', () => {
    const unresolved = statusCode.options.filter((_, index) => index === 0 || index >= 6);
    expect(unresolved).toHaveLength(18);
    for (const status of unresolved) expect(counts({}, { status })).toBe(true);
    expect(counts({ statuses: ['manual-cleanup-needed'] }, { status: 'mitigation-in-progress' })).toBe(false);
    expect(postureSettings.safeParse({ statuses: ['no-threat-found'], action: { kind: 'disconnect' } }).success).toBe(
      false,
    );
  });

  test.each([
    ['a severity from the least on', { minSeverity: 4 }, { severity: 4 }, true],
    ['a lower severity', { minSeverity: 4 }, { severity: 3 }, false],
    ['another severity, which ranks as unknown', { minSeverity: 1 }, { severity: 99 }, false],
    ['an acknowledged task', {}, { acknowledged: true }, false],
    ['an acknowledged task, when the policy says so', { acknowledgedRelease: false }, { acknowledged: true }, true],
    ['a covered endpoint', {}, { status: 'mitigation-exception', exception }, false],
    [
      'a covered endpoint, when the policy says so',
      { exceptionsRelease: false },
      { status: 'rollback-successful', exception },
      true,
    ],
  ] as const)('%s', (_, more, one, expected) => {
    expect(counts(more, one as Partial<UnresolvedThreat>)).toBe(expected);
  });
});

const anyRequest: fc.Arbitrary<VpnEvaluateRequest> = fc.oneof(
  fc.record({ dialect: anyAppleDialect, payload: anyApplePayload, context: anyAppleContext }),
  fc.record({ dialect: fc.constant('cisco-anyconnect' as const), profile: anyCiscoProfile, context: anyCiscoContext }),
  fc
    .tuple(anyGlobalProtectPolicy, anyGlobalProtectContext)
    .map(([policy, context]) => ({ dialect: 'globalprotect' as const, ...policy, ...context })),
);
const kinds = ['disconnect', 'never-connect', 'remediate'] as const;

test('any decision of any policy under any action is an answer of its dialect; without a counting threat it is the policy’s own', () => {
  fc.assert(
    fc.property(anyRequest, fc.constantFrom(...kinds), (request, kind) => {
      const own = evaluate(request);
      expect(overrideByPosture(settings(kind), [], request, own)).toBe(own);
      expect(overrideByPosture(undefined, [threat], request, own)).toBe(own);
      const answer = overrideByPosture(settings(kind), [threat], request, own);
      expect(postureAnswer.parse(answer)).toMatchObject({ reason: 'posture', trace: own.trace, missing: own.missing });
      const decided = 'action' in answer ? answer.action : answer.decision;
      if (kind === 'remediate') expect(['connect', 'deny']).toContain(decided);
      else expect(['connect', 'evaluate', 'always', 'reassign-tunnel', 'recreate-tunnel']).not.toContain(decided);
    }),
    { numRuns: 300 },
  );
});

test('the worst twenty are named, all are counted', () => {
  const many = Array.from({ length: 30 }, (_, n) => ({ ...threat, threatKey: `sha256:${n}` }));
  expect(under('disconnect', cisco, many).posture).toMatchObject({ count: 30, tasks: { length: 20 } });
});

const anyThreats = fc
  .array(
    fc.record({
      status: fc.constantFrom('mitigation-timeout' as const, 'mitigation-exception' as const),
      severity: fc.constantFrom(5 as const, 0 as const, 99 as const),
      acknowledged: fc.integer({ min: 0, max: 5 }).map((n) => n === 0),
      covered: fc.integer({ min: 0, max: 5 }).map((n) => n === 0),
    }),
    { maxLength: 250, size: 'max' },
  )
  .map((all) =>
    all.map(
      ({ covered, ...one }, n): UnresolvedThreat => ({
        ...threat,
        ...one,
        threatKey: `sha256:${n}`,
        ...(covered ? { exception } : {}),
      }),
    ),
  );
const anySettings = fc.record({
  statuses: fc.subarray(['mitigation-timeout' as const, 'mitigation-exception' as const]),
  minSeverity: fc.constantFrom(0 as const, 4 as const),
  acknowledgedRelease: fc.boolean(),
  exceptionsRelease: fc.boolean(),
});

test('law: what is recorded of the threats on a device makes the same answer as all of them, whatever the policy says', () => {
  fc.assert(
    fc.property(anyThreats, anySettings, (threats, more) => {
      const by = (unresolved: UnresolvedThreat[]) =>
        overrideByPosture(settings('disconnect', more), unresolved, cisco, evaluate(cisco));
      expect(by(countedThreats(threats))).toEqual(by(threats));
    }),
    { numRuns: 300 },
  );
});

test('of ten thousand threats that are alike twenty are recorded, and how many more there are', () => {
  const many = Array.from({ length: 10_000 }, (_, n) => ({ ...threat, threatKey: `sha256:${n}` }));
  const recorded = countedThreats([...many, { ...threat, acknowledged: true }]);
  expect(recorded).toHaveLength(21);
  expect(recorded.slice(18)).toEqual([many[18], { ...many[19], alike: 9980 }, { ...threat, acknowledged: true }]);
});
