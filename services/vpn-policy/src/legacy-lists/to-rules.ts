import type { AppleDialect, AppleDictionary, AppleParameter, AppleRule } from '@quell/contracts/vpn-apple';
import type { ConvertedLists } from '@quell/contracts/vpn-convert';
import { hasLists } from '../dialects/apple/legacy-lists.ts';
import { isCatchAll } from '../dialects/apple/match-rule.ts';
import { diffApple } from '../diff/diff-apple.ts';

/**
 * The lists from before iOS 7 as rules: Never as NeverConnect first, then Always and OnRetry as ConnectIfNeeded, in every rule with Allow,
 * and in one last rule for where no other holds. Source: Apple's Deployment Reference, p. 41. What the two do differently under the reading
 * is listed: a name that is redirected counts as failed for rules alone; where Always starts the tunnel at once, no rule by domain does.
 */
export function listsToRules(payload: AppleDictionary, dialect: AppleDialect = 'apple-mdm'): ConvertedLists {
  const { OnDemandMatchDomainsNever, OnDemandMatchDomainsAlways, OnDemandMatchDomainsOnRetry, ...rest } = payload;
  const never = OnDemandMatchDomainsNever ?? [];
  const needed = [...new Set([...(OnDemandMatchDomainsAlways ?? []), ...(OnDemandMatchDomainsOnRetry ?? [])])];
  const ActionParameters: AppleParameter[] = [
    ...(never.length > 0 ? [{ Domains: never, DomainAction: 'NeverConnect' as const }] : []),
    ...(needed.length > 0 ? [{ Domains: needed, DomainAction: 'ConnectIfNeeded' as const }] : []),
  ];
  // Allow without lists starts nothing and stops nothing.
  const lists: AppleRule = hasLists(payload)
    ? { Action: 'EvaluateConnection', ActionParameters }
    : { Action: 'Ignore' };
  const rules = (payload.OnDemandRules ?? []).map((rule): AppleRule => {
    if (rule.Action !== 'Allow') return rule;
    const { Action: _, ActionParameters: __, ...conditions } = rule;
    return { ...conditions, ...lists };
  });
  const last = rules.at(-1);
  if (hasLists(payload) && (last === undefined || !isCatchAll(last))) rules.push(lists);
  const converted: AppleDictionary =
    payload.OnDemandRules === undefined && rules.length === 0 ? rest : { ...rest, OnDemandRules: rules };
  const differences = diffApple({ payload, dialect }, { payload: converted, dialect });
  return { result: 'converted', payload: converted, differences };
}
