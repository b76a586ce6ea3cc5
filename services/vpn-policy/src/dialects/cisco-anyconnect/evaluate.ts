import type { CiscoAnswer, CiscoContext, CiscoOutcome, CiscoProfile, CiscoReadings } from '@quell/contracts/vpn-cisco';
import type { VpnStep } from '@quell/contracts/vpn-explanation';
import { type Judged, judge, truth } from '../../evaluation/criterion.ts';
import { agreed, distinct } from '../../evaluation/possible.ts';
import { isAddress, matchesRule, serverHost } from './match.ts';
import { ciscoReadingsWith, type SwitchedCiscoReadings } from './readings.ts';

type Walk = { outcomes: CiscoOutcome[]; steps: VpnStep[]; missing: string[] };

/** The first iOS on which Always behaves as IfNeeded. */
const ALWAYS_CHANGED_IOS = 7;

/** What AnyConnect on iOS would do with a host, and why: the gate, then Never over Always over IfNeeded. */
export function evaluateCisco(
  profile: CiscoProfile,
  context: CiscoContext,
  switched: SwitchedCiscoReadings = {},
): CiscoAnswer {
  const readings = ciscoReadingsWith(switched);
  const walk: Walk = { outcomes: [], steps: [], missing: [] };
  if (gateOpen(profile, readings, walk)) walkLists(profile, context, readings, walk);
  const possible = distinct(walk.outcomes);
  return {
    decision: agreed(possible, 'decision', 'unknown' as const),
    reason: agreed(possible, 'reason', 'INPUT_UNKNOWN' as const),
    possible,
    dialect: 'cisco-anyconnect',
    missing: [...new Set(walk.missing)],
    nearMiss: nearestList(walk.steps, possible),
    trace: walk.steps,
  };
}

/** Connect on Demand on, certificate authentication automatic or manual, and no rule that the editor would refuse. */
function gateOpen(profile: CiscoProfile, readings: CiscoReadings, walk: Walk): boolean {
  const on = profile.ConnectOnDemand ?? false;
  const policy = profile.CertificatePolicy ?? 'Auto';
  const certificate = !readings.certificatePolicyNoneDisables || (policy !== 'None' && policy !== 'Disabled');
  const addresses = (['Never', 'Always', 'IfNeeded'] as const).flatMap((list) =>
    (profile[list] ?? []).filter(isAddress),
  );
  const gates = [
    { name: 'ConnectOnDemand', open: on, wanted: true, found: on, decision: 'disabled', reason: 'ON_DEMAND_OFF' },
    {
      name: 'CertificatePolicy',
      open: certificate,
      wanted: ['Auto', 'Manual'],
      found: policy,
      decision: 'disabled',
      reason: 'CERTIFICATE_POLICY_NONE',
    },
    {
      name: 'addresses in rules',
      open: addresses.length === 0,
      wanted: [],
      found: addresses,
      decision: 'invalid',
      reason: 'IP_NOT_ALLOWED_IN_RULE',
    },
  ] as const;
  for (const { name, open, wanted, found, decision, reason } of gates) {
    const verdict = truth(open);
    walk.steps.push({
      place: name === 'addresses in rules' ? '' : `/${name}`,
      verdict,
      criteria: [{ name, verdict, wanted, found }],
    });
    if (!open) {
      walk.outcomes.push({ decision, reason });
      return false;
    }
  }
  return true;
}

function walkLists(profile: CiscoProfile, context: CiscoContext, readings: CiscoReadings, walk: Walk): void {
  for (const list of ['Never', 'Always', 'IfNeeded'] as const) {
    const judged = judgeHost(profile, list, context, readings);
    const { verdict } = judged.criterion;
    const step: VpnStep = { place: `/${list}`, verdict, criteria: [judged.criterion] };
    walk.steps.push(step);
    if (verdict === 'not-held') continue;
    walk.missing.push(...judged.missing);
    const version = context.platform === undefined ? ALWAYS_CHANGED_IOS : context.platform.iosMajor;
    if (list === 'Never') {
      walk.outcomes.push({ decision: 'no-trigger', reason: 'NEVER_CONNECT' });
    } else if (list === 'Always' && alwaysIsImmediate(version, readings)) {
      walk.outcomes.push({ decision: 'connect', reason: 'ALWAYS_CONNECT' });
    } else {
      if (list === 'Always' && version === undefined && readings.alwaysFromIos7 === 'if-needed') {
        walk.missing.push('/platform/iosMajor');
        walk.outcomes.push({ decision: 'connect', reason: 'ALWAYS_CONNECT' });
      }
      ifNeeded(context, readings, step, walk);
    }
    if (verdict === 'held') return;
  }
  walk.outcomes.push({ decision: 'no-trigger', reason: 'NO_RULE_MATCHED' });
}

function alwaysIsImmediate(version: number | undefined, readings: CiscoReadings): boolean {
  return readings.alwaysFromIos7 === 'immediate' || (version !== undefined && version < ALWAYS_CHANGED_IOS);
}

/** Connects only if DNS does not resolve the name. */
function ifNeeded(context: CiscoContext, readings: CiscoReadings, step: VpnStep, walk: Walk): void {
  const judged = judge('dns', 'the name does not resolve', context.dns, '/dns', (dns) =>
    dns === 'redirected' ? readings.redirectedIsFailure : dns !== 'resolved',
  );
  step.criteria.push(judged.criterion);
  walk.missing.push(...judged.missing);
  const { verdict } = judged.criterion;
  if (verdict !== 'not-held') walk.outcomes.push({ decision: 'connect', reason: 'IF_NEEDED_DNS_FAILED' });
  if (verdict !== 'held') walk.outcomes.push({ decision: 'no-trigger', reason: 'DNS_RESOLVED' });
}

function judgeHost(
  profile: CiscoProfile,
  list: 'Never' | 'Always' | 'IfNeeded',
  context: CiscoContext,
  readings: CiscoReadings,
): Judged {
  const rules = profile[list] ?? [];
  const server =
    list === 'Never' && readings.serverAddressInNever && profile.serverAddress !== undefined
      ? serverHost(profile.serverAddress)
      : undefined;
  const wanted = server === undefined ? rules : [...rules, server];
  return judge(list, wanted, wanted.length === 0 ? '' : context.host, '/host', (host) =>
    wanted.some((rule) => matchesRule(rule, host, readings)),
  );
}

/** No list has the host: the first with entries is what it would have taken. */
function nearestList(steps: readonly VpnStep[], possible: readonly CiscoOutcome[]): CiscoAnswer['nearMiss'] {
  if (!possible.some((outcome) => outcome.reason === 'NO_RULE_MATCHED')) return null;
  for (const place of ['/Always', '/IfNeeded']) {
    const [criterion] = steps.find((step) => step.place === place)?.criteria ?? [];
    if (criterion?.verdict !== 'not-held' || !Array.isArray(criterion.wanted) || criterion.wanted.length === 0)
      continue;
    const text = `${place.slice(1)} would have matched if the host were under one of ${JSON.stringify(criterion.wanted)}`;
    return { place, failed: [criterion], text };
  }
  return null;
}
