import type { AppleDialect } from '@quell/contracts/vpn-apple';
import type { VpnFinding, VpnLintAnswer } from '@quell/contracts/vpn-lint';
import { lintApple } from './lint-apple.ts';

/**
 * What is wrong with the rules of a com.apple.dnsSettings.managed payload. Its conditions are those of a VPN; it knows no switch, no Ignore
 * and no Allow, and without rules the settings always apply (apple/device-management com.apple.dnsSettings.managed.yaml). What a VPN's
 * witness says about a tunnel is left out: settings are applied or not.
 */
export function lintDnsSettings(payload: unknown, dialect: AppleDialect = 'apple-mdm'): VpnLintAnswer {
  const { OnDemandRules: rules, ...rest } = (payload ?? {}) as Record<string, unknown>;
  const own: VpnFinding[] = [];
  if ('OnDemandEnabled' in rest) {
    own.push({
      rule: 'KEY_NOT_APPLICABLE',
      severity: 'warning',
      place: '/OnDemandEnabled',
      ruleIndex: null,
      why: 'a DNS payload has no switch: its rules always count',
      witness: null,
      fix: { text: 'remove it', patch: [{ op: 'remove', path: '/OnDemandEnabled' }] },
    });
  }
  if (rules === undefined) return { dialect, findings: own, undecided: [] };
  for (const [index, rule] of (Array.isArray(rules) ? rules : []).entries()) {
    const action = (rule as { Action?: unknown } | null)?.Action;
    if (action !== 'Ignore' && action !== 'Allow') continue;
    own.push({
      rule: 'UNKNOWN_ENUM',
      severity: 'error',
      place: `/OnDemandRules/${index}/Action`,
      ruleIndex: index,
      why: `a DNS payload knows Connect, Disconnect and EvaluateConnection, not ${action}`,
      witness: null,
      fix: { text: 'Connect to apply the settings, Disconnect not to', patch: null },
    });
  }
  const answer = lintApple({ OnDemandEnabled: 1, OnDemandRules: rules }, dialect);
  const findings = answer.findings
    .filter(({ rule }) => !elsewhere.has(rule))
    .map((finding) => ({ ...finding, witness: null }));
  return { dialect, findings: [...own, ...findings], undecided: answer.undecided };
}

/** Findings that are about tunnels, about VPN payloads, or about what a tunnel's decision is. */
const elsewhere: ReadonlySet<VpnFinding['rule']> = new Set(['LOSSY_EXPORT', 'DEPRECATED_ALLOW', 'DIALECT_DIVERGENCE']);
