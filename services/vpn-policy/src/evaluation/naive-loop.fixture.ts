import { SocketAddress } from 'node:net';
import type { AppleContext, AppleDictionary, AppleReadings } from '@quell/contracts/vpn-apple';
import type { CiscoContext, CiscoProfile, CiscoReadings } from '@quell/contracts/vpn-cisco';
import type {
  GlobalProtectContext,
  GlobalProtectPolicy,
  GlobalProtectReadings,
} from '@quell/contracts/vpn-globalprotect';

/**
 * First naive reading, for tests: the specification's pseudocode line by line, as nested loops over labels and characters, each
 * dialect's peculiarity where it bites. Shares no code with the evaluator. Knows complete contexts only.
 */
export function loopApple(payload: AppleDictionary, context: AppleContext, points: AppleReadings): unknown[] {
  if (payload.OnDemandEnabled !== 1) return ['disabled', null, null, 'ON_DEMAND_DISABLED'];
  if (points.manualStopPauses && context.userPaused) return ['not-evaluated', null, null, 'USER_PAUSED'];
  const net = context.network!;
  if (net.interface === null) return ['not-evaluated', null, null, 'NO_PRIMARY_NETWORK'];
  if (net.primaryIsVirtual) return ['not-evaluated', null, null, 'VIRTUAL_PRIMARY_INTERFACE'];
  const lists = [
    payload.OnDemandMatchDomainsNever ?? [],
    payload.OnDemandMatchDomainsAlways ?? [],
    payload.OnDemandMatchDomainsOnRetry ?? [],
  ];
  const rules = payload.OnDemandRules ?? [];
  for (let i = 0; i < rules.length; i++) {
    const rule = rules[i]!;
    let bare = true;
    if (rule.InterfaceTypeMatch) {
      bare = false;
      if (rule.InterfaceTypeMatch !== net.interface) continue;
    }
    if (rule.SSIDMatch) {
      bare = false;
      if (net.interface !== 'WiFi' || net.ssid == null || rule.SSIDMatch.indexOf(net.ssid) < 0) continue;
    }
    if (rule.DNSDomainMatch) {
      bare = false;
      let hit = false;
      for (const domain of net.searchDomains!) {
        for (const entry of rule.DNSDomainMatch) {
          if (under(entry, domain, points.searchDomain, points)) hit = true;
        }
        if (points.searchDomainsConsidered === 'first') break;
      }
      if (!hit) continue;
    }
    if (rule.DNSServerAddressMatch) {
      bare = false;
      if (rule.DNSServerAddressMatch.length === 0) continue;
      let hits = 0;
      for (const server of net.dnsServers!) {
        for (const entry of rule.DNSServerAddressMatch) {
          if (atAddress(entry, server, !points.canonicalAddresses)) {
            hits++;
            break;
          }
        }
      }
      const count = net.dnsServers!.length;
      if (count === 0 && points.noDnsServers === 'fails') continue;
      if (count > 0 && points.dnsServers === 'any' && hits === 0) continue;
      if (count > 0 && points.dnsServers === 'each' && hits < count) continue;
    }
    if (rule.URLStringProbe) {
      bare = false;
      const answer = context.probes![rule.URLStringProbe]!;
      if (answer.status === undefined && answer.error === undefined) {
        if (points.unansweredRuleProbe === 'failed') continue;
        return ['pending', i, null, 'PROBE_PENDING'];
      }
      if (answer.error !== undefined || answer.status !== 200 || answer.redirected) continue;
    }
    const why = bare ? 'RULE_MATCHED_CATCHALL' : 'RULE_MATCHED';
    if (rule.Action === 'Disconnect') return ['disconnect', i, null, why];
    if (rule.Action === 'Ignore') return ['ignore', i, null, why];
    if (rule.Action === 'Connect') {
      if (points.neverListStopsConnect && context.connection) {
        for (const entry of lists[0]!)
          if (under(entry, context.connection.host!, points.listHost, points))
            return ['no-trigger', i, null, 'LEGACY_NEVER'];
      }
      return ['connect', i, null, why];
    }
    if (rule.Action === 'Allow') {
      if (!context.connection && lists.flat().length > 0) return ['evaluate', i, null, why];
      return byLists(i);
    }
    if (!context.connection) return ['evaluate', i, null, why];
    const parameters = rule.ActionParameters ?? [];
    for (let j = 0; j < parameters.length; j++) {
      const parameter = parameters[j]!;
      let hit = false;
      for (const entry of parameter.Domains ?? [])
        if (under(entry, context.connection.host!, points.host, points)) hit = true;
      if (!hit) continue;
      if (parameter.DomainAction === 'NeverConnect') return ['no-trigger', i, j, 'PARAM_NEVER_CONNECT'];
      if (context.connection.dns === 'redirected') return ['connect', i, j, 'PARAM_DNS_REDIRECTED'];
      if (context.connection.dns !== 'resolved') return ['connect', i, j, 'PARAM_DNS_FAILED'];
      for (const server of parameter.RequiredDNSServers ?? []) {
        if (!context.dnsServerReachable![server]) return ['connect', i, j, 'PARAM_REQUIRED_DNS_UNREACHABLE'];
      }
      if (parameter.RequiredURLStringProbe) {
        const answer = context.probes![parameter.RequiredURLStringProbe]!;
        const unanswered = answer.status === undefined && answer.error === undefined;
        if (unanswered && points.unansweredRequiredProbe === 'pending') return ['pending', i, j, 'PROBE_PENDING'];
        if (answer.redirected && points.requiredProbeRedirect === 'fails')
          return ['connect', i, j, 'PARAM_REQUIRED_PROBE_FAILED'];
        if (unanswered || answer.error !== undefined || answer.status !== 200)
          return ['connect', i, j, 'PARAM_REQUIRED_PROBE_FAILED'];
      }
      return ['no-trigger', i, j, 'PARAM_DNS_RESOLVED'];
    }
    return ['no-trigger', i, null, 'NO_PARAM_MATCHED'];
  }
  if (lists.flat().length === 0) return ['no-trigger', null, null, 'NO_RULE_MATCHED'];
  if (!context.connection) return ['evaluate', null, null, 'NO_RULE_MATCHED'];
  return byLists(null);

  function byLists(rule: number | null): unknown[] {
    const { host, dns } = context.connection ?? {};
    for (let kind = 0; kind < 3; kind++) {
      for (const entry of lists[kind]!) {
        if (!under(entry, host ?? '', points.listHost, points)) continue;
        if (kind === 0) return ['no-trigger', rule, null, 'LEGACY_NEVER'];
        if (kind === 1 && points.alwaysList === 'immediate') return ['connect', rule, null, 'LEGACY_ALWAYS'];
        if (dns === 'nxdomain' || dns === 'timeout' || (dns === 'redirected' && points.redirectedFailsLists))
          return ['connect', rule, null, 'LEGACY_ONRETRY_DNS_FAILED'];
        return ['no-trigger', rule, null, 'LEGACY_DNS_RESOLVED'];
      }
    }
    return ['no-trigger', rule, null, 'LEGACY_NO_DOMAIN'];
  }
}

type NamePoints = Pick<AppleReadings, 'bareStar' | 'topLevelDomains' | 'caseSensitive'>;

function sameName(entry: string, name: string): boolean {
  const cut = (text: string) => (text.endsWith('.') ? text.slice(0, -1) : text);
  return cut(name) !== '' && cut(entry) === cut(name);
}

/** Walks both names from their ends: by labels, in the source's reading by characters. */
function under(given: string, host: string, mode: AppleReadings['searchDomain'], points: NamePoints): boolean {
  const entry = points.caseSensitive ? given : given.toUpperCase();
  const name = points.caseSensitive ? host : host.toUpperCase();
  if (mode === 'equal') return sameName(entry, name);
  if (entry === '*') return points.bareStar === 'all';
  let from = 0;
  if (entry[0] === '*') from = 1;
  while (entry[from] === '.') from++;
  let stem = entry.slice(from);
  if (stem.endsWith('.')) stem = stem.slice(0, -1);
  const own = name.endsWith('.') ? name.slice(0, -1) : name;
  if (stem === '') return false;
  if (mode === 'raw-suffix') {
    for (let back = 1; back <= stem.length; back++) {
      if (own[own.length - back] !== stem[stem.length - back]) return false;
    }
    return true;
  }
  const wanted = stem.split('.').reverse();
  const labels = own.split('.').reverse();
  if (!points.topLevelDomains && wanted.length === 1) return false;
  for (let label = 0; label < wanted.length; label++) if (labels[label] !== wanted[label]) return false;
  return true;
}

function atAddress(entry: string, server: string, verbatim: boolean): boolean {
  const text = (address: string) => {
    if (verbatim || !address.includes(':')) return address;
    return new SocketAddress({ address, family: 'ipv6' }).address;
  };
  if (entry === '') return false;
  if (!entry.endsWith('*')) return text(server) === text(entry);
  // The one prefix of the vocabulary that is not in canonical form.
  const prefix = !verbatim && entry === '2001:0db8:*' ? '2001:db8:' : entry.slice(0, -1);
  return text(server).slice(0, prefix.length) === prefix;
}

export function loopCisco(
  profile: CiscoProfile,
  context: CiscoContext,
  points: Partial<CiscoReadings> = {},
): unknown[] {
  if (!profile.ConnectOnDemand) return ['disabled', 'ON_DEMAND_OFF'];
  const none = profile.CertificatePolicy === 'None' || profile.CertificatePolicy === 'Disabled';
  if (none && points.certificatePolicyNoneDisables !== false) return ['disabled', 'CERTIFICATE_POLICY_NONE'];
  const lists = [profile.Never ?? [], profile.Always ?? [], profile.IfNeeded ?? []];
  if (lists.flat().includes('10.0.0.1')) return ['invalid', 'IP_NOT_ALLOWED_IN_RULE'];
  const host = context.host!.toLowerCase().replace(/[.]$/, '');
  const server = {
    'eng.example.com': 'eng.example.com',
    'https://Example.com/group': 'example.com',
    '10.0.0.1': '10.0.0.1',
  };
  if (points.serverAddressInNever !== false && profile.serverAddress)
    lists[0] = [...lists[0]!, server[profile.serverAddress as keyof typeof server]];
  for (let kind = 0; kind < 3; kind++) {
    for (const rule of lists[kind]!) {
      const stem = rule.replace(/^[.]/, '').toLowerCase();
      if (stem === '') continue;
      const dotted = rule.startsWith('.');
      const apex = host === stem && !(dotted && points.leadingDotMatchesApex === false);
      const below = host.endsWith(`.${stem}`) && (dotted || points.hostRuleMatchesBelow !== false);
      if (!apex && !below) continue;
      if (kind === 0) return ['no-trigger', 'NEVER_CONNECT'];
      if (kind === 1 && points.alwaysFromIos7 === 'immediate') return ['connect', 'ALWAYS_CONNECT'];
      if (kind === 1 && context.platform && context.platform.iosMajor! < 7) return ['connect', 'ALWAYS_CONNECT'];
      if (context.dns === 'redirected' && points.redirectedIsFailure) return ['connect', 'IF_NEEDED_DNS_FAILED'];
      if (context.dns === 'nxdomain' || context.dns === 'timeout') return ['connect', 'IF_NEEDED_DNS_FAILED'];
      return ['no-trigger', 'DNS_RESOLVED'];
    }
  }
  return ['no-trigger', 'NO_RULE_MATCHED'];
}

export function loopGlobalProtect(
  policy: GlobalProtectPolicy,
  context: GlobalProtectContext,
  points: Partial<GlobalProtectReadings> = {},
): unknown[] {
  const { platform, event } = context;
  let method = policy.connectMethod;
  if (platform === 'linux' && points.linux === 'unsupported') return [method, 'invalid', 'PLATFORM_NOT_SUPPORTED'];
  const desktop = platform === 'windows' || platform === 'macos' || platform === 'chromeos';
  if (!desktop && method.startsWith('pre-logon') && points.preLogonElsewhere === 'invalid')
    return [method, 'invalid', 'PRE_LOGON_NOT_SUPPORTED'];
  if (platform === 'chromeos') method = 'on-demand';
  if (platform !== 'windows' && platform !== 'macos') {
    if (method === 'pre-logon') method = 'user-logon';
    if (method === 'pre-logon-then-on-demand') method = 'on-demand';
  }
  if (platform === 'ios' && context.auth === 'saml' && method !== 'on-demand')
    return [method, 'invalid', 'SAML_IOS_ON_DEMAND_ONLY'];
  if (event === 'boot') {
    if (!method.startsWith('pre-logon')) return [method, 'none', undefined];
    return context.machineCert ? [method, 'connect', undefined] : [method, 'deny', 'MACHINE_CERT_REQUIRED'];
  }
  if (event === 'user-connect') return [method, 'connect', undefined];
  if (event === 'user-login') {
    if (method === 'user-logon') return [method, 'connect', undefined];
    if (method === 'pre-logon') {
      if (!context.machineCert) return [method, 'connect', undefined];
      return [method, platform === 'windows' ? 'reassign-tunnel' : 'recreate-tunnel', undefined];
    }
    if (method === policy.connectMethod) return [method, 'none', undefined];
    return [method, 'none', platform === 'chromeos' ? 'PLATFORM_ON_DEMAND_ONLY' : 'PRE_LOGON_NOT_SUPPORTED'];
  }
  if (policy.showIcon === false) return [method, 'deny', 'NO_APP_ICON'];
  if (method.endsWith('on-demand')) return [method, 'disconnect', undefined];
  if (policy.override === 'disabled') return [method, 'deny', 'OVERRIDE_DISABLED'];
  if (policy.override === 'with-ticket' && platform.includes('android') && points.ticketOnAndroid !== 'challenge')
    return [method, 'invalid', 'TICKET_NOT_SUPPORTED_ON_ANDROID'];
  if (policy.maxUserOverrides === 0 && points.zeroUserOverrides === 'none')
    return [method, 'deny', 'MAX_OVERRIDES_REACHED'];
  if (policy.maxUserOverrides > 0 && context.used! >= policy.maxUserOverrides)
    return [method, 'deny', 'MAX_OVERRIDES_REACHED'];
  return [method, policy.override === 'allow' ? 'disconnect' : 'challenge', undefined];
}
