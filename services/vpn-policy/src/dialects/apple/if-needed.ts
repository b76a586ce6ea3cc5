import type { AppleContext, AppleOutcome, AppleParameter, AppleReadings } from '@quell/contracts/vpn-apple';
import type { VpnCriterion } from '@quell/contracts/vpn-explanation';
import { pointerToken } from '../../evaluation/criterion.ts';
import { probePointer, probeResult } from './probe.ts';

type Needed = {
  readonly outcomes: readonly Pick<AppleOutcome, 'decision' | 'reason'>[];
  readonly criteria: readonly VpnCriterion[];
  readonly missing: readonly string[];
  readonly probes: readonly string[];
};

/**
 * ConnectIfNeeded: does the connection need the tunnel? The name fails, or is answered by another server's redirect, or a required DNS
 * server does not answer, or the required probe does not get its 200; the first of these in that order is the reason.
 */
export function tunnelNeeded(parameter: AppleParameter, context: AppleContext, readings: AppleReadings): Needed {
  const outcomes: Pick<AppleOutcome, 'decision' | 'reason'>[] = [];
  const criteria: VpnCriterion[] = [];
  const missing: string[] = [];
  const ended = (decision: AppleOutcome['decision'], reason: AppleOutcome['reason'], probes: string[] = []) => {
    outcomes.push({ decision, reason });
    return { outcomes, criteria, missing, probes };
  };

  const dns = context.connection?.dns;
  const wanted = 'the name does not resolve, or is redirected';
  if (dns === undefined) {
    criteria.push({ name: 'dns', verdict: 'unknown', wanted });
    missing.push('/connection/dns');
    outcomes.push(
      { decision: 'connect', reason: 'PARAM_DNS_FAILED' },
      { decision: 'connect', reason: 'PARAM_DNS_REDIRECTED' },
    );
  } else {
    criteria.push({ name: 'dns', verdict: dns === 'resolved' ? 'not-held' : 'held', wanted, found: dns });
    if (dns === 'redirected') return ended('connect', 'PARAM_DNS_REDIRECTED');
    if (dns !== 'resolved') return ended('connect', 'PARAM_DNS_FAILED');
  }

  const servers = parameter.RequiredDNSServers ?? [];
  if (servers.length > 0) {
    const reachable = context.dnsServerReachable ?? {};
    const known = servers.map((server) => (Object.hasOwn(reachable, server) ? reachable[server] : undefined));
    const name = 'RequiredDNSServers';
    // Of these servers alone: every entry of every rule may ask for some.
    const found = Object.fromEntries(
      servers.flatMap((server, at) => (known[at] === undefined ? [] : [[server, known[at]]])),
    );
    if (known.includes(false)) {
      criteria.push({ name, verdict: 'held', wanted: servers, found });
      return ended('connect', 'PARAM_REQUIRED_DNS_UNREACHABLE');
    }
    const unknown = servers.filter((_, index) => known[index] === undefined);
    criteria.push({ name, verdict: unknown.length > 0 ? 'unknown' : 'not-held', wanted: servers, found });
    if (unknown.length > 0) {
      missing.push(...unknown.map((server) => `/dnsServerReachable/${pointerToken(server)}`));
      outcomes.push({ decision: 'connect', reason: 'PARAM_REQUIRED_DNS_UNREACHABLE' });
    }
  }

  const url = parameter.RequiredURLStringProbe;
  if (url === undefined) return ended('no-trigger', 'PARAM_DNS_RESOLVED');
  const result = probeResult(context.probes, url);
  const name = 'RequiredURLStringProbe';
  if (result === 'unanswered' && readings.unansweredRequiredProbe === 'pending') {
    criteria.push({ name, verdict: 'unknown', wanted: url });
    missing.push(probePointer(url));
    return ended('pending', 'PROBE_PENDING', [url]);
  }
  const succeeds = result === 'ok' || (result === 'redirected' && readings.requiredProbeRedirect === 'succeeds');
  criteria.push({ name, verdict: succeeds ? 'not-held' : 'held', wanted: url, found: result });
  return succeeds
    ? ended('no-trigger', 'PARAM_DNS_RESOLVED', [url])
    : ended('connect', 'PARAM_REQUIRED_PROBE_FAILED', [url]);
}
