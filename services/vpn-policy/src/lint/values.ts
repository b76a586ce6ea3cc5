import { isIP } from 'node:net';
import { type AppleContext, type AppleRule, appleDialect } from '@quell/contracts/vpn-apple';
import type { VpnFinding } from '@quell/contracts/vpn-lint';
import { decideStages } from '../dialects/apple/decide-stages.ts';
import { meansAddress } from '../dialects/apple/match-address.ts';
import { appleReadings } from '../dialects/apple/readings.ts';
import { contextWhere, networkBetween, readingsOf, ruleWithout, type Subject, witness } from './subject.ts';

const lists = ['SSIDMatch', 'DNSDomainMatch', 'DNSServerAddressMatch'] as const;
type ListKey = (typeof lists)[number];

/** Values of a rule's conditions that mean something else than they look like. */
export function ruleValues(subject: Subject): VpnFinding[] {
  return (subject.payload.OnDemandRules ?? []).flatMap((rule, index) =>
    lists.flatMap((key) => {
      const values = rule[key];
      if (values === undefined) return [];
      if (values.length === 0) return [emptyList(subject, rule, index, key)];
      return values.flatMap((value, position) => oneValue(subject, rule, index, key, value, position) ?? []);
    }),
  );
}

function emptyList(subject: Subject, rule: AppleRule, index: number, key: ListKey): VpnFinding {
  const place = `/OnDemandRules/${index}/${key}`;
  return {
    rule: 'EMPTY_MATCH_ARRAY',
    severity: 'error',
    place,
    ruleIndex: index,
    why: `an empty ${key} holds on no network; a key that is left out holds on every one`,
    witness: witness(subject, networkBetween(subject, index, ruleWithout(rule, key), rule)),
    fix: { text: `remove ${key}, or list what it should match`, patch: [{ op: 'remove', path: place }] },
  };
}

function oneValue(
  subject: Subject,
  rule: AppleRule,
  index: number,
  key: ListKey,
  value: string,
  position: number,
): VpnFinding | null {
  const place = `/OnDemandRules/${index}/${key}/${position}`;
  const about = { place, ruleIndex: index };
  const replaced = (other: string) => ({ ...rule, [key]: [other] });
  /** A network that the author meant, and that the rule does not hold on. */
  const meant = (like: AppleRule) => witness(subject, networkBetween(subject, index, like, rule));
  if (value === '') {
    return {
      ...about,
      rule: 'EMPTY_STRING_VALUE',
      severity: 'error',
      why: `an empty text in ${key} matches nothing`,
      witness: meant(ruleWithout(rule, key)),
      fix: { text: 'remove the empty text', patch: [{ op: 'remove', path: place }] },
    };
  }
  const { canonicalAddresses } = readingsOf(subject);
  if (
    key === 'DNSServerAddressMatch' &&
    !value.slice(0, -1).includes('*') &&
    !meansAddress(value, canonicalAddresses)
  ) {
    const whole = ofBlock(value);
    return {
      ...about,
      rule: 'NOT_AN_ADDRESS',
      severity: 'error',
      why: `${JSON.stringify(value)} is no address of a server, nor the beginning of one with * at its end, so it matches nothing`,
      witness: meant(whole === null ? ruleWithout(rule, key) : replaced(whole)),
      fix: {
        text: whole ?? 'write the address of the server, or its beginning and *',
        patch: whole === null ? null : [{ op: 'replace', path: place, value: whole }],
      },
    };
  }
  if (key === 'SSIDMatch') {
    if (!value.includes('*')) return null;
    return {
      ...about,
      rule: 'WILDCARD_NOT_SUPPORTED_IN_SSID',
      severity: 'error',
      why: 'SSIDs are compared exactly; * stands for itself',
      witness: meant(replaced(value.replaceAll('*', '-1'))),
      fix: { text: 'list each SSID by its name', patch: null },
    };
  }
  if (key === 'DNSDomainMatch' ? value.lastIndexOf('*') > 0 : value.slice(0, -1).includes('*')) {
    return {
      ...about,
      rule: 'UNSUPPORTED_WILDCARD_POSITION',
      severity: 'error',
      why: `* means something only at the ${key === 'DNSDomainMatch' ? 'start of a domain' : 'end of an address'}`,
      witness: meant(replaced(value.replaceAll('*', key === 'DNSDomainMatch' ? 'any' : '1'))),
      fix: { text: 'write out what stands at its place', patch: null },
    };
  }
  if (key === 'DNSDomainMatch' && value === '*') return star(subject, place, index);
  if (key === 'DNSServerAddressMatch' && !value.includes('%') && /[^.:*]\*$/.test(value)) {
    const prefix = value.slice(0, -1);
    const dotted = prefix.split('.').length > 3 ? prefix : `${prefix}.*`;
    const whole = !prefix.includes(':') && meansAddress(dotted, canonicalAddresses) ? dotted : `${prefix}:*`;
    return {
      ...about,
      rule: 'WILDCARD_NOT_ON_OCTET_BOUNDARY',
      severity: 'warning',
      why: `* goes on in the middle of a number: ${value} matches more than ${whole}`,
      witness: witness(subject, networkBetween(subject, index, replaced(value), replaced(whole))),
      fix: { text: `${whole}, if that is what is meant`, patch: [{ op: 'replace', path: place, value: whole }] },
    };
  }
  return null;
}

/** A block of IPv4 addresses that ends between two numbers, as an entry is written: `10.*` for `10.0.0.0/8`. */
function ofBlock(value: string): string | null {
  const [address = '', length] = value.split('/');
  if (isIP(address) !== 4 || !['8', '16', '24', '32'].includes(length ?? '')) return null;
  const octets = address.split('.').slice(0, Number(length) / 8);
  return octets.length === 4 ? address : `${octets.join('.')}.*`;
}

/** `*` alone: Apple's own two matchers disagree on it. */
export function star(subject: Subject, place: string, ruleIndex: number | null): VpnFinding {
  const { payload, dialect, switched } = subject;
  const readings = appleDialect.options.map((name) => appleReadings(name, name === dialect ? switched : {}));
  const said = (context: AppleContext) =>
    readings.map((one) => decideStages(payload, context, one).outcomes[0]?.decision);
  const legacy = dialect === 'apple-legacy' ? subject : { payload, dialect: 'apple-legacy' as const, switched: {} };
  const told = contextWhere(
    legacy,
    (outcome, context) => outcome.ruleIndex === ruleIndex && new Set(said(context)).size > 1,
  );
  return {
    rule: 'NON_PORTABLE_STAR_DOMAIN',
    severity: 'warning',
    place,
    ruleIndex,
    why: '* alone is every name to one of Apple’s matchers and none to the other',
    witness: witness(subject, told, appleDialect.options),
    fix: { text: 'leave the condition out, or name the domains', patch: null },
  };
}
