import type { AppleDialect, AppleDictionary } from '@quell/contracts/vpn-apple';
import type { ConvertedLists } from '@quell/contracts/vpn-convert';
import { isCatchAll } from '../dialects/apple/match-rule.ts';
import { diffApple } from '../diff/diff-apple.ts';

/**
 * Rules as the lists from before iOS 7, for devices that know no rules: one EvaluateConnection rule without conditions, of which NeverConnect
 * becomes Never and ConnectIfNeeded becomes OnRetry. Lists know no order (Never wins), so entries in another order differ; it is listed.
 */
export function rulesToLists(payload: AppleDictionary, dialect: AppleDialect = 'apple-mdm'): ConvertedLists {
  const refused = (place: string, text: string): ConvertedLists => ({ result: 'refused', place, text });
  const { OnDemandRules, ...rest } = payload;
  const [rule, second] = OnDemandRules ?? [];
  if (rule === undefined) return refused('/OnDemandRules', 'there are no rules');
  if (second !== undefined) return refused('/OnDemandRules/1', 'lists hold one rule');
  const condition = Object.keys(rule).find((key) => key.endsWith('Match') || key === 'URLStringProbe');
  if (!isCatchAll(rule)) return refused(`/OnDemandRules/0/${condition}`, 'lists hold on every network');
  if (rule.Action !== 'EvaluateConnection') return refused('/OnDemandRules/0/Action', 'lists go by domain only');
  const never: string[] = [];
  const retry: string[] = [];
  for (const [index, { Domains, DomainAction, ...needs }] of (rule.ActionParameters ?? []).entries()) {
    const need = Object.keys(needs).find((key) => key.startsWith('Required'));
    const place = `/OnDemandRules/0/ActionParameters/${index}`;
    if (need !== undefined && DomainAction === 'ConnectIfNeeded') {
      return refused(`${place}/${need}`, 'lists go by whether the name resolves');
    }
    (DomainAction === 'NeverConnect' ? never : retry).push(...(Domains ?? []));
  }
  const old = Object.keys(rest).find((key) => key.startsWith('OnDemandMatchDomains'));
  if (old !== undefined) return refused(`/${old}`, 'there are lists already, which these rules do not look at');
  const converted: AppleDictionary = {
    ...rest,
    ...(never.length > 0 ? { OnDemandMatchDomainsNever: never } : {}),
    ...(retry.length > 0 ? { OnDemandMatchDomainsOnRetry: retry } : {}),
  };
  const differences = diffApple({ payload, dialect }, { payload: converted, dialect });
  return { result: 'converted', payload: converted, differences };
}
