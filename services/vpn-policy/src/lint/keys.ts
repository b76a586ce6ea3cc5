import type { AppleOutcome } from '@quell/contracts/vpn-apple';
import type { VpnFinding } from '@quell/contracts/vpn-lint';
import { contextWhere, hasTooManyContexts, type Subject, tooMany, type Undecided, witness } from './subject.ts';
import { star } from './values.ts';

const legacyLists = ['OnDemandMatchDomainsAlways', 'OnDemandMatchDomainsOnRetry', 'OnDemandMatchDomainsNever'] as const;

/** Keys that do nothing where they stand, or that are on their way out; authentication that asks the user. */
export function keys(subject: Subject): { findings: VpnFinding[]; undecided: Undecided[] } {
  const asking = interactive(subject);
  return {
    findings: [...asking.findings, ...deprecated(subject), ...ignoredParameters(subject)],
    undecided: asking.undecided,
  };
}

/** RULES_PRESENT_BUT_DISABLED. */
export function disabled(subject: Subject): VpnFinding[] {
  const { payload } = subject;
  const starting = [payload.OnDemandRules, payload.OnDemandMatchDomainsAlways, payload.OnDemandMatchDomainsOnRetry];
  if (payload.OnDemandEnabled === 1 || !starting.some((list) => list !== undefined && list.length > 0)) return [];
  const on = { ...subject, payload: { ...payload, OnDemandEnabled: 1 } };
  const does = contextWhere(on, ({ decision }) => decision === 'connect' || decision === 'disconnect');
  return [
    {
      rule: 'RULES_PRESENT_BUT_DISABLED',
      severity: 'warning',
      place: '/OnDemandEnabled',
      ruleIndex: null,
      why: 'OnDemandEnabled is not 1, so no rule and no list is looked at; rules with Disconnect neither',
      witness: witness(subject, does),
      fix: {
        text: 'set OnDemandEnabled to 1, or remove the rules',
        patch: [{ op: 'add', path: '/OnDemandEnabled', value: 1 }],
      },
    },
  ];
}

/** Apple's deployment guide: on demand needs authentication that does not involve the user. The schema does not forbid others. */
function interactive(subject: Subject): { findings: VpnFinding[]; undecided: Undecided[] } {
  const { payload } = subject;
  const { AuthenticationMethod: method, AuthPassword, XAuthPasswordEncryption, ExtendedAuthEnabled } = payload;
  const asks = [
    {
      key: 'AuthenticationMethod',
      when: (method === 'Password' || method === 'Password+Certificate') && !AuthPassword,
    },
    { key: 'XAuthPasswordEncryption', when: XAuthPasswordEncryption === 'Prompt' },
    { key: 'ExtendedAuthEnabled', when: ExtendedAuthEnabled === 1 && method !== 'Certificate' && !AuthPassword },
  ].find(({ when }) => when);
  if (asks === undefined) return { findings: [], undecided: [] };
  const about = { rule: 'ON_DEMAND_WITH_INTERACTIVE_AUTH', place: `/${asks.key}` } as const;
  const connects = contextWhere(subject, ({ decision }) => decision === 'connect');
  if (connects === null) {
    return { findings: [], undecided: hasTooManyContexts(subject) ? [{ ...about, why: tooMany }] : [] };
  }
  const finding: VpnFinding = {
    ...about,
    severity: 'warning',
    ruleIndex: null,
    why: 'on demand needs authentication that does not ask the user, for example a certificate',
    witness: witness(subject, connects),
    fix: { text: 'authenticate by certificate', patch: null },
  };
  return { findings: [finding], undecided: [] };
}

function deprecated(subject: Subject): VpnFinding[] {
  const { payload } = subject;
  const allow = (payload.OnDemandRules ?? []).flatMap((rule, index): VpnFinding[] =>
    rule.Action === 'Allow'
      ? [
          {
            rule: 'DEPRECATED_ALLOW',
            severity: 'warning',
            place: `/OnDemandRules/${index}/Action`,
            ruleIndex: index,
            why: 'Allow is deprecated; it falls back on the lists from before iOS 7',
            witness: witness(
              subject,
              contextWhere(subject, (outcome) => outcome.ruleIndex === index),
            ),
            fix: { text: 'EvaluateConnection, with the lists as ActionParameters, those of Never first', patch: null },
          },
        ]
      : [],
  );
  const found = legacyLists.flatMap((key): VpnFinding[] => {
    const list = payload[key];
    if (list === undefined) return [];
    const place = `/${key}`;
    return [
      {
        rule: 'DEPRECATED_LIST',
        severity: 'info',
        place,
        ruleIndex: null,
        why: `${key} is of the time before iOS 7, and is not looked at where a rule holds`,
        witness: witness(
          subject,
          contextWhere(subject, ({ reason }) => listReasons[key].includes(reason)),
        ),
        fix: { text: 'an EvaluateConnection rule with ConnectIfNeeded or NeverConnect', patch: null },
      },
      ...list.flatMap((value, position): VpnFinding[] =>
        value === '*' ? [star(subject, `${place}/${position}`, null)] : [],
      ),
    ];
  });
  return [...allow, ...found];
}

const dnsReasons: AppleOutcome['reason'][] = ['LEGACY_ONRETRY_DNS_FAILED', 'LEGACY_DNS_RESOLVED'];
const listReasons: Record<(typeof legacyLists)[number], AppleOutcome['reason'][]> = {
  OnDemandMatchDomainsAlways: ['LEGACY_ALWAYS', ...dnsReasons],
  OnDemandMatchDomainsOnRetry: dnsReasons,
  OnDemandMatchDomainsNever: ['LEGACY_NEVER'],
};

function ignoredParameters(subject: Subject): VpnFinding[] {
  return (subject.payload.OnDemandRules ?? []).flatMap((rule, index): VpnFinding[] => {
    const has = (rule.ActionParameters ?? []).length > 0;
    if (has === (rule.Action === 'EvaluateConnection')) return [];
    const place = `/OnDemandRules/${index}/ActionParameters`;
    const about = { place, ruleIndex: index };
    const chosen = witness(
      subject,
      contextWhere(subject, (outcome) => outcome.ruleIndex === index),
    );
    if (!has) {
      return [
        {
          ...about,
          rule: 'MISSING_REQUIRED_KEY',
          severity: 'error',
          why: 'EvaluateConnection without ActionParameters never starts anything',
          witness: chosen,
          fix: { text: 'say which domains it is about, or use Ignore', patch: null },
        },
      ];
    }
    return [
      {
        ...about,
        rule: 'KEY_NOT_APPLICABLE',
        severity: 'warning',
        why: `${rule.Action} does not look at ActionParameters`,
        witness: chosen,
        fix: { text: 'use EvaluateConnection, or remove ActionParameters', patch: [{ op: 'remove', path: place }] },
      },
    ];
  });
}
