import { SocketAddress } from 'node:net';
import type { AppleContext, AppleDialect, ApplePayload } from '@quell/contracts/vpn-apple';
import type { CiscoContext, CiscoProfile } from '@quell/contracts/vpn-cisco';
import type { GlobalProtectContext, GlobalProtectPolicy } from '@quell/contracts/vpn-globalprotect';

/**
 * First naive reading, for tests: the specification's pseudocode line by line, as nested loops over labels and characters, each
 * dialect's peculiarity where it bites. Shares no code with the evaluator. Knows complete contexts only.
 */
export function loopApple(payload: ApplePayload, context: AppleContext, dialect: AppleDialect): unknown[] {
  const legacy = dialect === 'apple-legacy';
  if (payload.OnDemandEnabled !== 1) return ['disabled', null, null, 'ON_DEMAND_DISABLED'];
  if (legacy && context.userPaused) return ['not-evaluated', null, null, 'USER_PAUSED'];
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
          if (dialect === 'apple-ne' ? sameName(entry, domain) : under(entry, domain, dialect)) hit = true;
        }
        if (legacy) break;
      }
      if (!hit) continue;
    }
    if (rule.DNSServerAddressMatch) {
      bare = false;
      if (rule.DNSServerAddressMatch.length === 0) continue;
      let hits = 0;
      for (const server of net.dnsServers!) {
        for (const entry of rule.DNSServerAddressMatch) {
          if (atAddress(entry, server, legacy)) {
            hits++;
            break;
          }
        }
      }
      const count = net.dnsServers!.length;
      if (dialect === 'apple-mdm' && hits === 0) continue;
      if (dialect === 'apple-ne' && (hits < count || count === 0)) continue;
      if (legacy && hits < count) continue;
    }
    if (rule.URLStringProbe) {
      bare = false;
      const answer = context.probes![rule.URLStringProbe]!;
      if (answer.status === undefined && answer.error === undefined) return ['pending', i, null, 'PROBE_PENDING'];
      if (answer.error !== undefined || answer.status !== 200 || answer.redirected) continue;
    }
    const why = bare ? 'RULE_MATCHED_CATCHALL' : 'RULE_MATCHED';
    if (rule.Action === 'Disconnect') return ['disconnect', i, null, why];
    if (rule.Action === 'Ignore') return ['ignore', i, null, why];
    if (rule.Action === 'Connect') {
      if (legacy && context.connection) {
        for (const entry of lists[0]!)
          if (under(entry, context.connection.host!, dialect)) return ['no-trigger', i, null, 'LEGACY_NEVER'];
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
      for (const entry of parameter.Domains ?? []) if (under(entry, context.connection.host!, dialect)) hit = true;
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
        if (unanswered && !legacy) return ['pending', i, j, 'PROBE_PENDING'];
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
        if (!under(entry, host ?? '', dialect)) continue;
        if (kind === 0) return ['no-trigger', rule, null, 'LEGACY_NEVER'];
        if (kind === 1 && legacy) return ['connect', rule, null, 'LEGACY_ALWAYS'];
        if (dns === 'nxdomain' || dns === 'timeout') return ['connect', rule, null, 'LEGACY_ONRETRY_DNS_FAILED'];
        return ['no-trigger', rule, null, 'LEGACY_DNS_RESOLVED'];
      }
    }
    return ['no-trigger', rule, null, 'LEGACY_NO_DOMAIN'];
  }
}

function sameName(entry: string, name: string): boolean {
  const cut = (text: string) => (text.endsWith('.') ? text.slice(0, -1) : text).toUpperCase();
  return cut(name) !== '' && cut(entry) === cut(name);
}

/** Walks both names from their ends: by labels, in the source's reading by characters. */
function under(entry: string, name: string, dialect: AppleDialect): boolean {
  const legacy = dialect === 'apple-legacy';
  if (entry === '*') return legacy;
  let from = 0;
  if (entry[0] === '*') from = 1;
  while (entry[from] === '.') from++;
  let stem = entry.slice(from);
  if (stem.endsWith('.')) stem = stem.slice(0, -1);
  let own = name.endsWith('.') ? name.slice(0, -1) : name;
  if (stem === '') return false;
  if (legacy) {
    for (let back = 1; back <= stem.length; back++) {
      if (own[own.length - back] !== stem[stem.length - back]) return false;
    }
    return true;
  }
  own = own.toUpperCase();
  const wanted = stem.toUpperCase().split('.').reverse();
  const labels = own.split('.').reverse();
  if (dialect === 'apple-ne' && wanted.length === 1) return false;
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

export function loopCisco(profile: CiscoProfile, context: CiscoContext): unknown[] {
  if (!profile.ConnectOnDemand) return ['disabled', 'ON_DEMAND_OFF'];
  if (profile.CertificatePolicy === 'None' || profile.CertificatePolicy === 'Disabled')
    return ['disabled', 'CERTIFICATE_POLICY_NONE'];
  const lists = [profile.Never ?? [], profile.Always ?? [], profile.IfNeeded ?? []];
  if (lists.flat().includes('10.0.0.1')) return ['invalid', 'IP_NOT_ALLOWED_IN_RULE'];
  const host = context.host!.toLowerCase();
  const server = {
    'eng.example.com': 'eng.example.com',
    'https://Example.com/group': 'example.com',
    '10.0.0.1': '10.0.0.1',
  };
  if (host === server[(profile.serverAddress ?? '') as keyof typeof server]) return ['no-trigger', 'NEVER_CONNECT'];
  for (let kind = 0; kind < 3; kind++) {
    for (const rule of lists[kind]!) {
      if (!under(rule, host, 'apple-mdm')) continue;
      if (kind === 0) return ['no-trigger', 'NEVER_CONNECT'];
      if (kind === 1 && context.platform && context.platform.iosMajor! < 7) return ['connect', 'ALWAYS_CONNECT'];
      if (context.dns === 'nxdomain' || context.dns === 'timeout') return ['connect', 'IF_NEEDED_DNS_FAILED'];
      return ['no-trigger', 'DNS_RESOLVED'];
    }
  }
  return ['no-trigger', 'NO_RULE_MATCHED'];
}

export function loopGlobalProtect(policy: GlobalProtectPolicy, context: GlobalProtectContext): unknown[] {
  const { platform, event } = context;
  let method = policy.connectMethod;
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
  if (method.endsWith('on-demand')) return [method, 'disconnect', undefined];
  if (policy.override === 'disabled') return [method, 'deny', 'OVERRIDE_DISABLED'];
  if (policy.override === 'with-ticket' && platform.includes('android'))
    return [method, 'invalid', 'TICKET_NOT_SUPPORTED_ON_ANDROID'];
  if (policy.maxUserOverrides > 0 && context.used! >= policy.maxUserOverrides)
    return [method, 'deny', 'MAX_OVERRIDES_REACHED'];
  return [method, policy.override === 'allow' ? 'disconnect' : 'challenge', undefined];
}
