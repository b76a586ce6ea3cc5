import {
  type CiscoContext,
  type CiscoOutcome,
  type CiscoProfile,
  type CiscoReadings,
  ciscoProfile,
} from '@quell/contracts/vpn-cisco';
import type { VpnPatch } from '@quell/contracts/vpn-lint';
import type { CiscoFinding, CiscoLintAnswer } from '@quell/contracts/vpn-lint-cisco';
import { freshLabel } from '../dialects/apple/classes/atoms.ts';
import { evaluateCisco } from '../dialects/cisco-anyconnect/evaluate.ts';
import { isAddress, matchesRule, serverHost } from '../dialects/cisco-anyconnect/match.ts';
import { ciscoReadingsWith, type SwitchedCiscoReadings } from '../dialects/cisco-anyconnect/readings.ts';
import { pointerToken } from '../evaluation/criterion.ts';
import { nearestKey } from './nearest-key.ts';
import { wrongDialect } from './wrong-dialect.ts';

/** The lists in the client's order. */
const lists = ['Never', 'Always', 'IfNeeded'] as const;
type Entry = {
  readonly list: (typeof lists)[number];
  readonly index: number;
  readonly rule: string;
  readonly place: string;
};

/** How many pairs of entries are compared. */
const PAIR_LIMIT = 2 ** 20;

/**
 * What is wrong, dead or surprising about the on-demand part of an AnyConnect profile, each with its place, a context that shows it to
 * `/v1/vpn/evaluate`, and what to do.
 * @param switched single points that are read otherwise
 */
export function lintCisco(profile: unknown, switched: SwitchedCiscoReadings = {}): CiscoLintAnswer {
  const read = ciscoProfile.safeParse(profile);
  const answer = (findings: CiscoFinding[], undecided: CiscoLintAnswer['undecided'] = []): CiscoLintAnswer => ({
    dialect: 'cisco-anyconnect',
    findings,
    undecided,
  });
  const other = wrongDialect(profile, 'cisco-anyconnect');
  const misspelt = unknownKeys(profile);
  if (other !== null && misspelt.length === 0) return answer([other]);
  if (!read.success) return answer(read.error.issues.map((issue) => unreadable(profile, issue)));
  const entries = lists.flatMap((list) =>
    (read.data[list] ?? []).map((rule, index) => ({ list, index, rule, place: `/${list}/${index}` })),
  );
  const subject = new Subject(read.data, ciscoReadingsWith(switched));
  const taking = [...serverEntry(subject), ...entries];
  const tooMany = entries.length ** 2 > PAIR_LIMIT;
  return answer(
    [
      ...misspelt,
      ...gate(subject, entries),
      ...entries.flatMap((entry) => values(subject, entry)),
      ...(tooMany ? [] : entries.flatMap((entry) => reached(subject, entry, taking))),
      ...always(subject, entries),
    ],
    tooMany ? [{ rule: 'COVERED_ENTRY', place: '', why: 'too many entries to compare' }] : [],
  );
}

/** UNKNOWN_KEY: keys that look like one of the profile's. Others may be the client's, beside on demand. */
function unknownKeys(profile: unknown): CiscoFinding[] {
  if (typeof profile !== 'object' || profile === null || Array.isArray(profile)) return [];
  const known = Object.keys(ciscoProfile.shape);
  return Object.keys(profile).flatMap((key): CiscoFinding[] => {
    const near = known.includes(key) ? null : nearestKey(key, known);
    if (near === null) return [];
    return [
      {
        rule: 'UNKNOWN_KEY',
        severity: 'error',
        place: `/${pointerToken(key)}`,
        why: `the client does not look at ${key}`,
        witness: null,
        fix: { text: `did you mean ${near}?`, patch: null },
      },
    ];
  });
}

/** A profile, and what to change first so that it shows something: a gate that is closed, an address that makes it invalid. */
class Subject {
  readonly profile: CiscoProfile;
  readonly readings: CiscoReadings;
  readonly shown: CiscoProfile;
  readonly after: readonly VpnPatch[];

  constructor(profile: CiscoProfile, readings: CiscoReadings) {
    this.profile = profile;
    this.readings = readings;
    const after: VpnPatch[] = [];
    const shown: CiscoProfile = { ...profile };
    if (profile.ConnectOnDemand !== true) {
      shown.ConnectOnDemand = true;
      after.push({ op: 'add', path: '/ConnectOnDemand', value: true });
    }
    const none = profile.CertificatePolicy === 'None' || profile.CertificatePolicy === 'Disabled';
    if (none && readings.certificatePolicyNoneDisables) {
      shown.CertificatePolicy = 'Auto';
      after.push({ op: 'replace', path: '/CertificatePolicy', value: 'Auto' });
    }
    for (const list of lists) {
      const rules = profile[list];
      if (!rules?.some(isAddress)) continue;
      // Emptied, not removed: places of the others stay what they are.
      shown[list] = rules.map((rule) => (isAddress(rule) ? '' : rule));
      for (const [index, rule] of rules.entries()) {
        if (isAddress(rule)) after.push({ op: 'replace', path: `/${list}/${index}`, value: '' });
      }
    }
    this.shown = shown;
    this.after = after;
  }

  /** The context with what the evaluator says of the profile as it is, or once `after` is done. */
  witness(context: CiscoContext | null, asItIs = false): CiscoFinding['witness'] {
    if (context === null) return null;
    const { decision, reason } = evaluateCisco(asItIs ? this.profile : this.shown, context, this.readings);
    const answer: CiscoOutcome = { decision, reason };
    return asItIs || this.after.length === 0 ? { context, answer } : { context, after: [...this.after], answer };
  }
}

function unreadable(profile: unknown, issue: { path: PropertyKey[]; code: string; message: string }): CiscoFinding {
  const place = issue.path.map((key) => `/${pointerToken(String(key))}`).join('');
  const found = issue.path.reduce<unknown>(
    (value, key) => (value as Record<PropertyKey, unknown> | null)?.[key],
    profile,
  );
  const word = issue.code === 'invalid_value' && typeof found === 'string';
  return {
    rule: word ? 'UNKNOWN_ENUM' : 'WRONG_TYPE',
    severity: 'error',
    place,
    why: word ? `${JSON.stringify(found)} is none of its values` : issue.message,
    witness: null,
    fix: { text: word ? issue.message : 'write what the schema has there', patch: null },
  };
}

/** RULES_PRESENT_BUT_DISABLED, and its opposite. */
function gate(subject: Subject, entries: readonly Entry[]): CiscoFinding[] {
  const { profile } = subject;
  const connecting = entries.find(({ list, rule }) => list !== 'Never' && meant(rule, subject.readings) !== null);
  const closed = subject.after.filter(({ path }) => path === '/ConnectOnDemand' || path === '/CertificatePolicy');
  if (connecting === undefined) {
    if (closed.length > 0) return [];
    const context = { host: 'host.example.com', dns: 'nxdomain' } as const;
    return [
      {
        rule: 'NO_RULES',
        severity: 'warning',
        place: '',
        why: 'Connect on Demand is on, and no rule of Always or IfNeeded starts anything',
        witness: subject.witness(context, subject.after.length === 0),
        fix: { text: 'name the domains that the tunnel is for, or switch it off', patch: null },
      },
    ];
  }
  const host = meant(connecting.rule, subject.readings) ?? '';
  return closed.map((patch): CiscoFinding => {
    const off = patch.path === '/ConnectOnDemand';
    return {
      rule: 'RULES_PRESENT_BUT_DISABLED',
      severity: 'warning',
      place: patch.path,
      why: off
        ? 'Connect on Demand is off, so no rule is looked at'
        : `certificate authentication is ${profile.CertificatePolicy}: on demand needs Auto or Manual`,
      witness: subject.witness({ host, dns: 'nxdomain' }, true),
      fix: { text: off ? 'switch it on, or remove the rules' : 'Auto or Manual, or remove the rules', patch: [patch] },
    };
  });
}

/** Entries that mean something else than they look like, or nothing. */
function values(subject: Subject, { rule, place }: Entry): CiscoFinding[] {
  const remove: VpnPatch[] = [{ op: 'remove', path: place }];
  if (isAddress(rule)) {
    const open = subject.after.every(({ op, value }) => op === 'replace' && value === '');
    return [
      {
        rule: 'IP_NOT_ALLOWED_IN_RULE',
        severity: 'error',
        place,
        why: 'rules are names; an IP address makes the profile invalid',
        witness: open ? subject.witness({ host: 'host.example.com', dns: 'nxdomain' }, true) : null,
        fix: { text: 'name the host, or remove the entry', patch: remove },
      },
    ];
  }
  if (stemOf(rule) === '') {
    return [
      {
        rule: 'EMPTY_STRING_VALUE',
        severity: 'error',
        place,
        why: `${JSON.stringify(rule)} means no host`,
        witness: null,
        fix: { text: 'remove the entry', patch: remove },
      },
    ];
  }
  if (!rule.includes('*')) return [];
  const whole = rule.replace(/^\*(?=\.)/, '');
  const host = rule.replace(/^\*\.?/, 'any.').replaceAll('*', 'any');
  return [
    {
      rule: 'WILDCARD_NOT_SUPPORTED',
      severity: 'error',
      place,
      why: '* stands for itself: a domain begins with a dot instead',
      witness: subject.witness({ host, dns: 'nxdomain' }),
      fix: {
        text: `${whole.includes('*') ? 'write out what stands at its place' : whole}`,
        patch: whole.includes('*') ? null : [{ op: 'replace', path: place, value: whole }],
      },
    },
  ];
}

/** The server as the entry of Never that the editor adds. */
function serverEntry({ profile, readings }: Subject): Entry[] {
  if (!readings.serverAddressInNever || profile.serverAddress === undefined) return [];
  const index = profile.Never?.length ?? 0;
  return [{ list: 'Never', index, rule: serverHost(profile.serverAddress), place: '/serverAddress' }];
}

/** DUPLICATE_ENTRY, COVERED_ENTRY and SHADOWED_BY_NEVER: whether every host that an entry means is already taken. */
function reached(subject: Subject, entry: Entry, entries: readonly Entry[]): CiscoFinding[] {
  const { readings } = subject;
  const host = meant(entry.rule, readings);
  if (host === null || isAddress(entry.rule)) return [];
  const earlier = (other: Entry) =>
    lists.indexOf(other.list) < lists.indexOf(entry.list) || (other.list === entry.list && other.index < entry.index);
  const by = entries.find(
    (other) =>
      other !== entry &&
      covers(other.rule, entry.rule, readings) &&
      (earlier(other) || (other.list === entry.list && !covers(entry.rule, other.rule, readings))),
  );
  if (by === undefined) return [];
  const same = covers(entry.rule, by.rule, readings);
  const never = entry.list !== 'Never' && by.list === 'Never';
  const rule = never ? 'SHADOWED_BY_NEVER' : same ? 'DUPLICATE_ENTRY' : 'COVERED_ENTRY';
  return [
    {
      rule,
      severity: never ? 'error' : by.list === entry.list ? 'info' : 'warning',
      place: entry.place,
      why: `every host that it means is already taken by ${by.place}`,
      witness: subject.witness({ host, dns: 'nxdomain' }),
      fix: { text: 'remove one of the two', patch: [{ op: 'remove', path: entry.place }] },
    },
  ];
}

/** Whether every host that `inner` means `outer` means too. */
function covers(outer: string, inner: string, readings: CiscoReadings): boolean {
  const apex = stemOf(inner);
  if (apex === '' || stemOf(outer) === '' || isAddress(outer)) return false;
  const under = `${freshLabel([outer, inner])}.${apex}`;
  return [apex, under].every((one) => !matchesRule(inner, one, readings) || matchesRule(outer, one, readings));
}

function stemOf(rule: string): string {
  return rule.toLowerCase().replace(/^\.+|\.$/g, '');
}

/** A host that the rule means: one under what it names, where it means these. `null`: it means none. */
function meant(rule: string, readings: CiscoReadings): string | null {
  const stem = stemOf(rule);
  if (stem === '') return null;
  const under = `${freshLabel([stem])}.${stem}`;
  return matchesRule(rule, under, readings) ? under : stem;
}

/** Since iOS 7 Always waits for DNS to fail as IfNeeded does. */
function always(subject: Subject, entries: readonly Entry[]): CiscoFinding[] {
  const entry = entries.find(
    ({ list, rule }) => list === 'Always' && meant(rule, subject.readings) !== null && !isAddress(rule),
  );
  if (entry === undefined || subject.readings.alwaysFromIos7 === 'immediate') return [];
  const host = meant(entry.rule, subject.readings) ?? '';
  const context = { host, dns: 'resolved' } as const;
  const outcome = evaluateCisco(subject.shown, context, subject.readings);
  return [
    {
      rule: 'ALWAYS_BEHAVES_AS_IF_NEEDED',
      severity: 'info',
      place: '/Always',
      why: 'since iOS 7 the tunnel starts only when the name does not resolve, as with IfNeeded',
      witness: outcome.reason === 'DNS_RESOLVED' ? subject.witness(context) : null,
      fix: { text: 'move the entries to IfNeeded, so that the profile says what it does', patch: null },
    },
  ];
}
