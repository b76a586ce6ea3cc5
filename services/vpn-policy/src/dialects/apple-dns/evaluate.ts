import { assertNever } from '@quell/contracts/vocabulary';
import type { AppleContext, AppleDialect, AppleOutcome, AppleRule } from '@quell/contracts/vpn-apple';
import { distinct } from '../../evaluation/possible.ts';
import { evaluateApple } from '../apple/evaluate.ts';

/**
 * What becomes of the settings of a com.apple.dnsSettings.managed payload. `per-domain`: applied but for the domains that are excepted, and
 * no name is asked for yet. `unspecified`: no rule holds, and no document says what happens then.
 */
export type DnsOutcome = {
  readonly decision: 'apply' | 'leave' | 'per-domain' | 'unspecified' | 'pending' | 'not-evaluated';
  /** 0-based. */
  readonly ruleIndex: number | null;
  readonly paramIndex: number | null;
};

/**
 * The outcomes that a context allows: one unless an input is missing. The conditions are those of a VPN; there is no switch, ConnectIfNeeded
 * applies the settings whether the name resolves or not, and without rules they always apply. Source: com.apple.dnsSettings.managed.yaml.
 */
export function evaluateDnsSettings(
  rules: readonly AppleRule[] | undefined,
  context: AppleContext,
  dialect: AppleDialect = 'apple-mdm',
): readonly DnsOutcome[] {
  if (rules === undefined) return [{ decision: 'apply', ruleIndex: null, paramIndex: null }];
  const OnDemandRules = rules.map(({ ActionParameters, ...rule }) => ({
    ...rule,
    ...(ActionParameters && {
      ActionParameters: ActionParameters.map(({ Domains, DomainAction }) => ({
        ...(Domains && { Domains }),
        DomainAction,
      })),
    }),
  }));
  // A name that fails is what makes ConnectIfNeeded connect; here it always does.
  const { connection } = context;
  const asked =
    connection === undefined ? context : { ...context, connection: { ...connection, dns: 'nxdomain' as const } };
  const { possible } = evaluateApple({ OnDemandEnabled: 1, OnDemandRules }, asked, dialect);
  return distinct(
    possible.map(({ ruleIndex, paramIndex, ...outcome }) => ({ decision: decided(outcome), ruleIndex, paramIndex })),
  );
}

function decided({ decision, reason }: Pick<AppleOutcome, 'decision' | 'reason'>): DnsOutcome['decision'] {
  switch (decision) {
    case 'connect':
      return 'apply';
    case 'disconnect':
      return 'leave';
    case 'evaluate':
      return 'per-domain';
    case 'no-trigger':
      if (reason === 'NO_PARAM_MATCHED') return 'apply';
      return reason === 'PARAM_NEVER_CONNECT' ? 'leave' : 'unspecified';
    case 'pending':
    case 'not-evaluated':
      return decision;
    case 'ignore':
    case 'disabled':
    case 'always':
    case 'unknown':
      // Ignore is none of its actions: lint says so. The others cannot be with rules and a switch that is on.
      return 'unspecified';
    default:
      return assertNever(decision);
  }
}
