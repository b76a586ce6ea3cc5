import { Engine, type RuleProperties } from 'json-rules-engine';
import { type BenchContext, type BenchRule, rules } from './policy-under-test.ts';

const matchesEntry = (entry: string, address: string) =>
  entry.endsWith('*') ? address.startsWith(entry.slice(0, -1)) : address === entry;
const means = (entry: string, domain: string) => domain === entry || domain.endsWith(`.${entry}`);

/** The rules in json-rules-engine, as its manual does "first match wins": falling priorities, stopped by the first success. */
export function rulesEngine(): (context: BenchContext) => Promise<number> {
  const engine = new Engine();
  engine.addOperator<string[], string[]>('anyMeant', (found, entries) =>
    found.some((domain) => entries.some((entry) => means(entry, domain))),
  );
  engine.addOperator<string[], string[]>('anyServer', (found, entries) =>
    found.some((address) => entries.some((entry) => matchesEntry(entry, address))),
  );
  for (const [index, rule] of rules.entries()) engine.addRule(ruleOf(rule, index));
  let first = -1;
  engine.on('success', ({ params }) => {
    first = Number(params?.index);
    engine.stop();
  });
  return async ({ network }) => {
    first = -1;
    await engine.run(network);
    return first;
  };
}

function ruleOf(rule: BenchRule, index: number): RuleProperties {
  const all = [
    // A rule without a condition is not allowed: this one always holds.
    { fact: 'primaryIsVirtual', operator: 'equal', value: false },
    ...(rule.InterfaceTypeMatch ? [{ fact: 'interface', operator: 'equal', value: rule.InterfaceTypeMatch }] : []),
    ...(rule.SSIDMatch ? [{ fact: 'ssid', operator: 'in', value: rule.SSIDMatch }] : []),
    ...(rule.DNSDomainMatch ? [{ fact: 'searchDomains', operator: 'anyMeant', value: rule.DNSDomainMatch }] : []),
    ...(rule.DNSServerAddressMatch
      ? [{ fact: 'dnsServers', operator: 'anyServer', value: rule.DNSServerAddressMatch }]
      : []),
  ];
  return { conditions: { all }, priority: rules.length - index, event: { type: rule.Action, params: { index } } };
}
