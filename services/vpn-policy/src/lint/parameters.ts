import type { AppleParameter } from '@quell/contracts/vpn-apple';
import type { VpnFinding } from '@quell/contracts/vpn-lint';
import { hostClasses } from '../dialects/apple/classes/connection-classes.ts';
import { matchesDomain } from '../dialects/apple/match-domain.ts';
import { contextWhere, readingsOf, type Subject, type Undecided, witness } from './subject.ts';
import { star } from './values.ts';

/** SHADOWED_PARAMETER, and values and keys of ActionParameters that do nothing. */
export function parameters(subject: Subject): { findings: VpnFinding[]; undecided: Undecided[] } {
  const { payload } = subject;
  const hosts = hostClasses([{ payload, readings: readingsOf(subject) }]);
  const findings = (payload.OnDemandRules ?? []).flatMap((rule, index) =>
    rule.Action === 'EvaluateConnection'
      ? (rule.ActionParameters ?? []).flatMap((parameter, position, all) => [
          ...shadowed(subject, hosts ?? [], all, index, position),
          ...domains(subject, parameter, index, position),
          ...inapplicable(subject, parameter, index, position),
        ])
      : [],
  );
  const why = 'too many domains to compare';
  return { findings, undecided: hosts === null ? [{ rule: 'SHADOWED_PARAMETER', place: '/OnDemandRules', why }] : [] };
}

/** No class of hosts comes to this entry: exact, since entries look at the host alone. */
function shadowed(
  subject: Subject,
  hosts: readonly string[],
  all: readonly AppleParameter[],
  index: number,
  position: number,
): VpnFinding[] {
  const readings = readingsOf(subject);
  const means = (parameter: AppleParameter | undefined, host: string) =>
    (parameter?.Domains ?? []).some((domain) => matchesDomain(domain, host, readings.host, readings));
  const own = hosts.filter((host) => means(all[position], host));
  const first = (host: string) => all.findIndex((parameter) => means(parameter, host));
  const [host] = own;
  if (host === undefined || own.some((one) => first(one) === position)) return [];
  const place = `/OnDemandRules/${index}/ActionParameters/${position}`;
  const found = contextWhere(subject, (outcome) => outcome.ruleIndex === index && outcome.paramIndex === first(host));
  return [
    {
      rule: 'SHADOWED_PARAMETER',
      severity: 'error',
      place,
      ruleIndex: index,
      why: `every host that entry ${position} means is already taken by an entry before it`,
      witness: witness(subject, found === null ? null : { ...found, connection: { host, dns: 'nxdomain' } }),
      fix: { text: 'put exceptions before what they are exceptions from', patch: [{ op: 'remove', path: place }] },
    },
  ];
}

function domains(subject: Subject, parameter: AppleParameter, index: number, position: number): VpnFinding[] {
  const place = `/OnDemandRules/${index}/ActionParameters/${position}/Domains`;
  const about = { ruleIndex: index, severity: 'error' as const };
  const readings = readingsOf(subject);
  const reached = () =>
    contextWhere(subject, (outcome) => outcome.ruleIndex === index && outcome.paramIndex !== position);
  if (parameter.Domains === undefined) {
    return [
      {
        ...about,
        rule: 'MISSING_REQUIRED_KEY',
        place,
        why: 'an entry without Domains is skipped',
        witness: witness(subject, reached()),
        fix: { text: 'name the domains that it is about', patch: null },
      },
    ];
  }
  if (parameter.Domains.length === 0) {
    return [
      {
        ...about,
        rule: 'EMPTY_MATCH_ARRAY',
        place,
        why: 'empty Domains mean no host',
        witness: witness(subject, reached()),
        fix: { text: 'name the domains that it is about', patch: null },
      },
    ];
  }
  return parameter.Domains.flatMap((domain, item): VpnFinding[] => {
    const at = `${place}/${item}`;
    if (domain === '*') return [star(subject, at, index)];
    if (domain === '') {
      const fix = { text: 'remove the empty text', patch: [{ op: 'remove' as const, path: at }] };
      return [
        {
          ...about,
          rule: 'EMPTY_STRING_VALUE',
          place: at,
          why: 'an empty text means no host',
          witness: witness(subject, reached()),
          fix,
        },
      ];
    }
    if (domain.lastIndexOf('*') <= 0) return [];
    const found = reached();
    const host = domain.replace(/^\*\.?/, '').replaceAll('*', 'any');
    const meant = parameter.Domains?.some((other) => matchesDomain(other, host, readings.host, readings)) === true;
    return [
      {
        ...about,
        rule: 'UNSUPPORTED_WILDCARD_POSITION',
        place: at,
        why: '* means something only at the start of a domain',
        witness: witness(subject, found === null || meant ? null : { ...found, connection: { host, dns: 'nxdomain' } }),
        fix: { text: 'write out what stands at its place', patch: null },
      },
    ];
  });
}

function inapplicable(subject: Subject, parameter: AppleParameter, index: number, position: number): VpnFinding[] {
  if (parameter.DomainAction !== 'NeverConnect') return [];
  return (['RequiredDNSServers', 'RequiredURLStringProbe'] as const)
    .filter((key) => parameter[key] !== undefined)
    .map((key) => {
      const place = `/OnDemandRules/${index}/ActionParameters/${position}/${key}`;
      return {
        rule: 'KEY_NOT_APPLICABLE',
        severity: 'warning',
        place,
        ruleIndex: index,
        why: `NeverConnect does not look at ${key}`,
        witness: witness(
          subject,
          contextWhere(subject, (outcome) => outcome.ruleIndex === index && outcome.paramIndex === position),
        ),
        fix: { text: `remove ${key}`, patch: [{ op: 'remove', path: place }] },
      };
    });
}
