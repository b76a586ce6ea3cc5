import type { AppleContext, AppleDictionary, AppleReadings, AppleRule } from '@quell/contracts/vpn-apple';
import type { CiscoContext, CiscoProfile, CiscoReadings } from '@quell/contracts/vpn-cisco';
import type {
  GlobalProtectContext,
  GlobalProtectPolicy,
  GlobalProtectReadings,
} from '@quell/contracts/vpn-globalprotect';

/**
 * Second naive reading, for tests: no walk at all. Every condition becomes a regular expression, every rule all of its possible results
 * with a guard each, the whole policy one long table of which the first row with a true guard counts. Shares no code with the evaluator or
 * the first reading.
 */
type Row = readonly [guard: boolean, ...result: unknown[]];
const first = (rows: readonly Row[]): unknown[] => rows.find(([guard]) => guard)!.slice(1);
const quoted = (text: string) => text.replace(/[.*+?^$(){}|[\]\\-]/g, '\\$&');

type NamePoints = Pick<AppleReadings, 'bareStar' | 'topLevelDomains' | 'caseSensitive'>;

function domain(entries: readonly string[], mode: AppleReadings['searchDomain'], points: NamePoints): RegExp {
  if (mode === 'equal') return names(entries, points);
  const stems = entries.flatMap((entry) => {
    const [, stem = ''] = /^\*?\.*(.*?)\.?$/.exec(entry)!;
    if (entry === '*') return points.bareStar === 'all' ? ['.*'] : [];
    if (stem === '' || (mode === 'label-suffix' && !points.topLevelDomains && !stem.includes('.'))) return [];
    return [`${mode === 'raw-suffix' ? '.*' : '(.*\\.)?'}${quoted(stem)}`];
  });
  return new RegExp(`^(${[...stems, '(?!)'].join('|')})\\.?$`, points.caseSensitive ? 's' : 'is');
}

function names(entries: readonly string[], points: NamePoints): RegExp {
  const whole = entries.map((entry) => quoted(entry.replace(/\.$/, ''))).filter((entry) => entry !== '');
  return new RegExp(`^(${[...whole, '(?!)'].join('|')})\\.?$`, points.caseSensitive ? '' : 'i');
}

/** Groups without leading zeros, the longest run of zero groups as `::`. */
function short(address: string): string {
  if (!address.includes(':')) return address;
  const [head = '', tail] = address.toLowerCase().split('::');
  const left = head.split(':');
  const right = tail === undefined ? [] : tail.split(':');
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => '0');
  const groups = [...left, ...zeros, ...right].map((group) => Number.parseInt(group, 16).toString(16)).join(':');
  return groups.replace(/(^|:)0(:0)+(:|$)/, '::');
}

function address(entries: readonly string[], verbatim: boolean): RegExp {
  const forms = entries
    .filter((entry) => entry !== '')
    .map((entry) =>
      entry.endsWith('*')
        ? `${quoted(verbatim ? entry.slice(0, -1) : entry.slice(0, -1).replace(':0db8', ':db8'))}.*`
        : quoted(verbatim ? entry : short(entry)),
    );
  return new RegExp(`^(${[...forms, '(?!)'].join('|')})$`);
}

const answered = (context: AppleContext, url: string | undefined) =>
  JSON.stringify(context.probes?.[url ?? ''] ?? {}) !== '{}';
const good = (context: AppleContext, url: string | undefined) => context.probes?.[url ?? '']?.status === 200;

export function tableApple(payload: AppleDictionary, context: AppleContext, points: AppleReadings): unknown[] {
  const network = context.network!;
  const host = context.connection?.host ?? '';
  const stage2 = context.connection !== undefined;
  const failed = /nxdomain|timeout/.test(context.connection?.dns ?? '');
  const failedForLists = failed || (points.redirectedFailsLists && context.connection?.dns === 'redirected');
  const listed = (entries: readonly string[] | undefined) => domain(entries ?? [], points.listHost, points).test(host);
  const {
    OnDemandMatchDomainsNever: never,
    OnDemandMatchDomainsAlways: always,
    OnDemandMatchDomainsOnRetry: retry,
  } = payload;
  const lists = [never, always, retry].some((list) => list !== undefined && list.length > 0);
  const byLists = (matched: boolean, index: number | null): Row[] => [
    [matched && listed(never), 'no-trigger', index, null, 'LEGACY_NEVER'],
    [matched && listed(always) && points.alwaysList === 'immediate', 'connect', index, null, 'LEGACY_ALWAYS'],
    [
      matched && (listed(always) || listed(retry)) && failedForLists,
      'connect',
      index,
      null,
      'LEGACY_ONRETRY_DNS_FAILED',
    ],
    [matched && (listed(always) || listed(retry)), 'no-trigger', index, null, 'LEGACY_DNS_RESOLVED'],
    [matched, 'no-trigger', index, null, 'LEGACY_NO_DOMAIN'],
  ];
  const rowsOf = (rule: AppleRule, index: number): Row[] => {
    const { Action, ActionParameters = [], URLStringProbe: url, ...rest } = rule;
    const searched = network.searchDomains!.slice(0, points.searchDomainsConsidered === 'first' ? 1 : undefined);
    const inDomain = domain(rest.DNSDomainMatch ?? [], points.searchDomain, points);
    const atServer = address(rest.DNSServerAddressMatch ?? [], !points.canonicalAddresses);
    const own = network.dnsServers!.map((server) => (points.canonicalAddresses ? short(server) : server));
    const hits = own.filter((server) => atServer.test(server)).length;
    const served =
      own.length === 0 ? points.noDnsServers === 'holds' : hits >= (points.dnsServers === 'any' ? 1 : own.length);
    const here =
      [network.interface, undefined].includes(rest.InterfaceTypeMatch) &&
      (rest.SSIDMatch === undefined ||
        (network.interface === 'WiFi' && new Set<unknown>(rest.SSIDMatch).has(network.ssid))) &&
      (rest.DNSDomainMatch === undefined || searched.some((name) => inDomain.test(name))) &&
      (rest.DNSServerAddressMatch === undefined || (rest.DNSServerAddressMatch.length > 0 && served));
    const on = here && (url === undefined || (good(context, url) && context.probes?.[url]?.redirected !== true));
    const why = Object.keys(rest).length === 0 && url === undefined ? 'RULE_MATCHED_CATCHALL' : 'RULE_MATCHED';
    const parameters = ActionParameters.flatMap((parameter, position): Row[] => {
      const hit =
        on && Action === 'EvaluateConnection' && domain(parameter.Domains ?? [], points.host, points).test(host);
      const servers = parameter.RequiredDNSServers ?? [];
      const required = parameter.RequiredURLStringProbe;
      const unasked = required !== undefined && !answered(context, required);
      const at = (guard: boolean, decision: string, reason: string): Row => [
        hit && guard,
        decision,
        index,
        position,
        reason,
      ];
      return [
        at(parameter.DomainAction === 'NeverConnect', 'no-trigger', 'PARAM_NEVER_CONNECT'),
        at(failed, 'connect', 'PARAM_DNS_FAILED'),
        at(context.connection?.dns === 'redirected', 'connect', 'PARAM_DNS_REDIRECTED'),
        at(
          servers.some((server) => context.dnsServerReachable?.[server] === false),
          'connect',
          'PARAM_REQUIRED_DNS_UNREACHABLE',
        ),
        at(unasked && points.unansweredRequiredProbe === 'pending', 'pending', 'PROBE_PENDING'),
        at(required !== undefined && !good(context, required), 'connect', 'PARAM_REQUIRED_PROBE_FAILED'),
        at(
          required !== undefined &&
            points.requiredProbeRedirect === 'fails' &&
            context.probes?.[required]?.redirected === true,
          'connect',
          'PARAM_REQUIRED_PROBE_FAILED',
        ),
        at(true, 'no-trigger', 'PARAM_DNS_RESOLVED'),
      ];
    });
    const does = (action: string, guard: boolean, decision: string, reason: string = why): Row => [
      on && Action === action && guard,
      decision,
      index,
      null,
      reason,
    ];
    return [
      [
        here && url !== undefined && !answered(context, url) && points.unansweredRuleProbe === 'pending',
        'pending',
        index,
        null,
        'PROBE_PENDING',
      ],
      does('Connect', points.neverListStopsConnect && stage2 && listed(never), 'no-trigger', 'LEGACY_NEVER'),
      does('Connect', true, 'connect'),
      does('Disconnect', true, 'disconnect'),
      does('Ignore', true, 'ignore'),
      does('EvaluateConnection', !stage2, 'evaluate'),
      does('Allow', !stage2 && lists, 'evaluate'),
      ...parameters,
      does('EvaluateConnection', true, 'no-trigger', 'NO_PARAM_MATCHED'),
      ...byLists(on && Action === 'Allow', index),
    ];
  };
  return first([
    [payload.OnDemandEnabled !== 1, 'disabled', null, null, 'ON_DEMAND_DISABLED'],
    [points.manualStopPauses && context.userPaused === true, 'not-evaluated', null, null, 'USER_PAUSED'],
    [network.interface === null, 'not-evaluated', null, null, 'NO_PRIMARY_NETWORK'],
    [network.primaryIsVirtual === true, 'not-evaluated', null, null, 'VIRTUAL_PRIMARY_INTERFACE'],
    ...(payload.OnDemandRules ?? []).flatMap(rowsOf),
    [!lists, 'no-trigger', null, null, 'NO_RULE_MATCHED'],
    [!stage2, 'evaluate', null, null, 'NO_RULE_MATCHED'],
    ...byLists(true, null),
  ]);
}

export function tableCisco(
  profile: CiscoProfile,
  context: CiscoContext,
  points: Partial<CiscoReadings> = {},
): unknown[] {
  const under = (rules: readonly string[] | null | undefined) =>
    (rules ?? []).some((rule) => {
      const [, dot = '', stem = ''] = /^([.]?)(.*)$/.exec(rule)!;
      const apex = dot === '' || points.leadingDotMatchesApex !== false ? [''] : [];
      const below = dot !== '' || points.hostRuleMatchesBelow !== false ? ['.*\\.'] : [];
      return (
        stem !== '' && new RegExp(`^(${[...apex, ...below].join('|')})${quoted(stem)}\\.?$`, 'i').test(context.host!)
      );
    });
  const failed =
    context.dns === 'nxdomain' ||
    context.dns === 'timeout' ||
    (context.dns === 'redirected' && points.redirectedIsFailure === true);
  const server = (profile.serverAddress ?? '').replace(/^https:\/\/|\/.*$/g, '').replace(/\/.*$/, '');
  return first([
    [profile.ConnectOnDemand !== true, 'disabled', 'ON_DEMAND_OFF'],
    [
      /None|Disabled/.test(profile.CertificatePolicy ?? '') && points.certificatePolicyNoneDisables !== false,
      'disabled',
      'CERTIFICATE_POLICY_NONE',
    ],
    [/10\.0/.test(String([profile.Always, profile.Never, profile.IfNeeded])), 'invalid', 'IP_NOT_ALLOWED_IN_RULE'],
    [under(profile.Never) || (points.serverAddressInNever !== false && under([server])), 'no-trigger', 'NEVER_CONNECT'],
    [
      under(profile.Always) && (points.alwaysFromIos7 === 'immediate' || (context.platform?.iosMajor ?? 99) < 7),
      'connect',
      'ALWAYS_CONNECT',
    ],
    [(under(profile.Always) || under(profile.IfNeeded)) && failed, 'connect', 'IF_NEEDED_DNS_FAILED'],
    [under(profile.Always) || under(profile.IfNeeded), 'no-trigger', 'DNS_RESOLVED'],
    [true, 'no-trigger', 'NO_RULE_MATCHED'],
  ]);
}

/** Rows of `method platform event …` patterns, most special first. */
export function tableGlobalProtect(
  policy: GlobalProtectPolicy,
  context: GlobalProtectContext,
  points: Partial<GlobalProtectReadings> = {},
): unknown[] {
  const { platform, event } = context;
  const asked = policy.connectMethod;
  const desktop = /^(windows|macos)$/.test(platform);
  const [method] = first([
    [desktop || asked === 'on-demand', asked],
    [platform === 'linux' && points.linux === 'unsupported', asked],
    [platform !== 'chromeos' && asked.startsWith('pre') && points.preLogonElsewhere === 'invalid', asked],
    [platform === 'chromeos' || asked.endsWith('-on-demand'), 'on-demand'],
    [true, 'user-logon'],
  ]);
  const forced = platform === 'chromeos' ? 'PLATFORM_ON_DEMAND_ONLY' : 'PRE_LOGON_NOT_SUPPORTED';
  const is = (pattern: RegExp) =>
    pattern.test(
      `${method} ${platform} ${event} ${context.machineCert ? 'cert' : 'bare'} ${context.auth} ${policy.override}`,
    );
  const none = policy.maxUserOverrides === 0;
  const spent = none ? points.zeroUserOverrides === 'none' : (context.used ?? 0) >= policy.maxUserOverrides;
  const [action, reason] = first([
    [platform === 'linux' && points.linux === 'unsupported', 'invalid', 'PLATFORM_NOT_SUPPORTED'],
    [!desktop && /^pre-logon/.test(String(method)), 'invalid', 'PRE_LOGON_NOT_SUPPORTED'],
    [is(/^user-logon ios .* saml /), 'invalid', 'SAML_IOS_ON_DEMAND_ONLY'],
    [is(/^pre-logon\S* \S+ boot cert/), 'connect'],
    [is(/^pre-logon\S* \S+ boot bare/), 'deny', 'MACHINE_CERT_REQUIRED'],
    [is(/ boot /), 'none'],
    [is(/ user-connect /), 'connect'],
    [is(/^pre-logon windows user-login cert/), 'reassign-tunnel'],
    [is(/^pre-logon macos user-login cert/), 'recreate-tunnel'],
    [is(/^(user|pre)-logon \S+ user-login/), 'connect'],
    [is(/ user-login /), 'none', method === asked ? undefined : forced],
    [policy.showIcon === false, 'deny', 'NO_APP_ICON'],
    [is(/on-demand \S+ user-disconnect/), 'disconnect'],
    [is(/ disabled$/), 'deny', 'OVERRIDE_DISABLED'],
    [
      is(/ (chromeos-)?android\S* .* with-ticket$/) && points.ticketOnAndroid !== 'challenge',
      'invalid',
      'TICKET_NOT_SUPPORTED_ON_ANDROID',
    ],
    [spent, 'deny', 'MAX_OVERRIDES_REACHED'],
    [is(/ allow$/), 'disconnect'],
    [true, 'challenge'],
  ]);
  return [method, action, reason];
}
