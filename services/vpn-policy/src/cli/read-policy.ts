import { globalProtectContext } from '@quell/contracts/vpn-globalprotect';
import { type VpnDialect, vpnDialect } from '@quell/contracts/vpn-policy-body';
import { sentVpnPolicyContent, type VpnPolicyContent } from '@quell/contracts/vpn-policy-events';
import { parsed } from './finish.ts';

/** A policy without what stands around it in its file, and by what it is read; none of it is checked. */
export interface StatedPolicy {
  readonly dialect: VpnDialect;
  readonly policy: unknown;
  readonly readings?: unknown;
  readonly posture?: unknown;
}

/**
 * Reads a policy as it is, the body or the content of a stored one, or the one in a request of POST /v1/vpn/evaluate.
 *
 * @param asked the dialect that the caller names, which wins over the file's; where neither names one it is apple-mdm, as over HTTP
 * @throws UsageError for what is no dialect
 */
export function statedPolicy(value: unknown, asked: string | undefined): StatedPolicy {
  const content = isRecord(value) && isRecord(value.body) ? value : { body: value };
  const body = content.body;
  const stated = isRecord(body) ? body.dialect : undefined;
  const dialect = parsed(vpnDialect, asked ?? stated ?? 'apple-mdm', 'the dialect');
  const { posture } = content as { posture?: unknown };
  const { readings } = isRecord(body) && (stated !== undefined || isWrapped(body)) ? body : {};
  return {
    dialect,
    policy: policyIn(body, dialect),
    ...(readings === undefined ? {} : { readings }),
    ...(posture === undefined ? {} : { posture }),
  };
}

/** A stated policy, checked. @throws UsageError that names each wrong place */
export function contentOf(value: unknown, asked: string | undefined, file: string): VpnPolicyContent {
  const { dialect, policy, readings, posture } = statedPolicy(value, asked);
  const more = readings === undefined ? {} : { readings };
  const body = { dialect, ...inPlace(dialect, policy), ...more };
  return parsed(sentVpnPolicyContent, posture === undefined ? { body } : { body, posture }, file);
}

/** A policy as it is, or the one in a body or a request. */
export function policyIn(value: unknown, dialect?: VpnDialect): unknown {
  if (!isRecord(value)) return value;
  if (isWrapped(value)) return value.payload ?? value.profile ?? value.settings;
  if (value.dialect === undefined && dialect !== 'globalprotect') return value;
  // A request for GlobalProtect: settings and context side by side.
  const beside = new Set(['dialect', 'readings', ...Object.keys(globalProtectContext.shape)]);
  return Object.fromEntries(Object.entries(value).filter(([key]) => !beside.has(key)));
}

function inPlace(dialect: VpnDialect, policy: unknown): object {
  if (dialect === 'cisco-anyconnect') return { profile: policy };
  if (dialect === 'globalprotect') return { settings: policy };
  return { payload: policy };
}

function isWrapped(value: Record<string, unknown>): boolean {
  return 'payload' in value || 'profile' in value || 'settings' in value;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
