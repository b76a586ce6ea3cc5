import type { AppleDictionary, AppleRule } from '@quell/contracts/vpn-apple';
import type { VpnFinding } from '@quell/contracts/vpn-lint';
import { parametersOf } from '../dialects/apple/classes/connection-classes.ts';
import { matchesDomain } from '../dialects/apple/match-domain.ts';
import { contextWhere, networkBetween, readingsOf, ruleWithout, type Subject, witness } from './subject.ts';

/** PROBE_NOT_HTTPS and PROBE_SELF_DEADLOCK, and the empty probe. */
export function probes(subject: Subject): VpnFinding[] {
  return (subject.payload.OnDemandRules ?? []).flatMap((rule, index) => {
    const url = rule.URLStringProbe;
    const place = `/OnDemandRules/${index}`;
    const required = rule.Action === 'EvaluateConnection' ? (rule.ActionParameters ?? []) : [];
    return [
      ...(url === undefined
        ? []
        : [...notHttps(subject, url, `${place}/URLStringProbe`, index), ...deadlock(subject, rule, url, index)]),
      ...required.flatMap(({ RequiredURLStringProbe: probe, DomainAction }, position) =>
        probe === undefined || DomainAction === 'NeverConnect'
          ? []
          : notHttps(subject, probe, `${place}/ActionParameters/${position}/RequiredURLStringProbe`, index, position),
      ),
    ];
  });
}

function notHttps(
  subject: Subject,
  url: string,
  place: string,
  index: number,
  position: number | null = null,
): VpnFinding[] {
  if (/^https:/i.test(url)) return [];
  const found = contextWhere(
    subject,
    (outcome) => outcome.ruleIndex === index && (position === null || outcome.paramIndex === position),
  );
  const about = { place, ruleIndex: index, witness: witness(subject, found) };
  if (url === '') {
    const fix = { text: 'remove the probe', patch: [{ op: 'remove' as const, path: place }] };
    return [
      { ...about, rule: 'EMPTY_STRING_VALUE', severity: 'error', why: 'an empty address is never answered', fix },
    ];
  }
  return [
    {
      ...about,
      rule: 'PROBE_NOT_HTTPS',
      severity: 'warning',
      why: 'whoever is on the network can give the answer that decides',
      fix: {
        text: 'probe over https',
        patch: /^http:/i.test(url) ? [{ op: 'replace', path: place, value: url.replace(/^http:/i, 'https:') }] : null,
      },
    },
  ];
}

/** The probe asks a host that, by this very policy, only the tunnel reaches, and the rule waits for its answer to bring the tunnel up. */
function deadlock(subject: Subject, rule: AppleRule, url: string, index: number): VpnFinding[] {
  if (rule.Action !== 'Connect' && rule.Action !== 'EvaluateConnection') return [];
  const host = URL.canParse(url) ? new URL(url).hostname : '';
  const readings = readingsOf(subject);
  if (!behindTunnel(subject.payload).some((domain) => matchesDomain(domain, host, readings.host, readings))) return [];
  const place = `/OnDemandRules/${index}/URLStringProbe`;
  return [
    {
      rule: 'PROBE_SELF_DEADLOCK',
      severity: 'warning',
      place,
      ruleIndex: index,
      why: `${host} is one of the names that need the tunnel, which rule ${index} starts only after ${host} answered`,
      witness: witness(subject, networkBetween(subject, index, ruleWithout(rule, 'URLStringProbe'), rule)),
      fix: { text: 'probe a host that answers without the tunnel', patch: null },
    },
  ];
}

function behindTunnel(payload: AppleDictionary): readonly string[] {
  return [
    ...parametersOf(payload)
      .filter((parameter) => parameter.DomainAction === 'ConnectIfNeeded')
      .flatMap((parameter) => parameter.Domains ?? []),
    ...(payload.OnDemandMatchDomainsAlways ?? []),
    ...(payload.OnDemandMatchDomainsOnRetry ?? []),
  ];
}
