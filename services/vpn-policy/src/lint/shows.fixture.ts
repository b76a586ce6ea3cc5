import type {
  AppleAnswer,
  AppleContext,
  AppleDialect,
  AppleDictionary,
  AppleReadings,
} from '@quell/contracts/vpn-apple';
import type { VpnFinding } from '@quell/contracts/vpn-lint';
import { evaluateApple } from '../dialects/apple/evaluate.ts';

type Shown = {
  readonly payload: AppleDictionary;
  readonly finding: VpnFinding;
  readonly context: AppleContext;
  readonly switched: Partial<AppleReadings>;
  /** What the evaluator says under the first dialect of the witness. */
  readonly answer: AppleAnswer;
  /** Whether one rule, alone in a policy, holds in the context; `changed` replaces keys of it. */
  readonly alone: (changed?: object) => boolean;
};

const rulesOnly = /^\/OnDemandRules\/\d+\/[A-Za-z]+/;
const dead = ({ finding, answer, alone }: Shown) =>
  alone() && answer.ruleIndex !== null && answer.ruleIndex < (finding.ruleIndex ?? 0);
const chosen = ({ finding, answer }: Shown) => answer.ruleIndex === finding.ruleIndex;
/** A value that looks as if it meant this context: the rule, or the entry of ActionParameters, does not decide here. */
const notMeant = ({ finding, answer, alone }: Shown) => {
  const [, position] = /ActionParameters\/(\d+)/.exec(finding.place) ?? [];
  return position === undefined ? rulesOnly.test(finding.place) && !alone() : answer.paramIndex !== Number(position);
};
const decisionsDiffer = ({ finding }: Shown) => new Set(finding.witness?.answers.map((one) => one.decision)).size > 1;

/** For each rule of the catalogue, what its witness must show; formal ones have none. */
export const shows: Record<VpnFinding['rule'], (shown: Shown) => boolean> = {
  SHADOWED_BY_CATCHALL: dead,
  SHADOWED_BY_RULE: dead,
  CONTRADICTORY_RULE: ({ alone }) => !alone() && alone({ InterfaceTypeMatch: undefined }),
  MISSING_CATCHALL: ({ answer }) => answer.ruleIndex === null && /^(NO_RULE_MATCHED|LEGACY_)/.test(answer.reason),
  EMPTY_MATCH_ARRAY: notMeant,
  EMPTY_STRING_VALUE: (shown) => notMeant(shown) || /Probe$/.test(shown.finding.place),
  WILDCARD_NOT_SUPPORTED_IN_SSID: notMeant,
  UNSUPPORTED_WILDCARD_POSITION: notMeant,
  WILDCARD_NOT_ON_OCTET_BOUNDARY: ({ payload, finding, alone }) => {
    const [, rule, position] = /^\/OnDemandRules\/(\d+)\/DNSServerAddressMatch\/(\d+)$/.exec(finding.place) ?? [];
    const value = payload.OnDemandRules?.[Number(rule)]?.DNSServerAddressMatch?.[Number(position)];
    const whole = finding.fix.patch?.[0]?.value;
    return alone({ DNSServerAddressMatch: [value] }) && !alone({ DNSServerAddressMatch: [whole] });
  },
  NOT_AN_ADDRESS: notMeant,
  NON_PORTABLE_STAR_DOMAIN: decisionsDiffer,
  DIALECT_DIVERGENCE: decisionsDiffer,
  SHADOWED_PARAMETER: ({ finding, answer, context }) => {
    const [, position] = /ActionParameters\/(\d+)$/.exec(finding.place) ?? [];
    return context.connection?.host !== undefined && answer.paramIndex !== null && answer.paramIndex < Number(position);
  },
  KEY_NOT_APPLICABLE: chosen,
  MISSING_REQUIRED_KEY: (shown) =>
    shown.finding.place.endsWith('/Domains')
      ? notMeant(shown)
      : chosen(shown) && shown.answer.reason === 'NO_PARAM_MATCHED',
  RULES_PRESENT_BUT_DISABLED: ({ payload, context, answer, finding, switched }) =>
    answer.decision === 'disabled' &&
    /^(connect|disconnect)$/.test(
      evaluateApple({ ...payload, OnDemandEnabled: 1 }, context, finding.witness?.answers[0]?.dialect, switched)
        .decision,
    ),
  MISPLACED_KEY: ({ answer }) => !/^(connect|disconnect)$/.test(answer.decision),
  ON_DEMAND_WITH_INTERACTIVE_AUTH: ({ answer }) => answer.decision === 'connect',
  DEPRECATED_ALLOW: chosen,
  DEPRECATED_LIST: ({ answer }) => answer.reason.startsWith('LEGACY_'),
  PROBE_NOT_HTTPS: ({ answer, finding }) => chosen({ answer, finding } as Shown) && answer.probesIssued.length > 0,
  PROBE_SELF_DEADLOCK: ({ alone }) => !alone() && alone({ URLStringProbe: undefined }),
  LOSSY_EXPORT: chosen,
  UNKNOWN_ENUM: () => false,
  UNKNOWN_KEY: () => false,
  WRONG_DIALECT: () => false,
  WRONG_TYPE: () => false,
};

/** The witness of a finding, with what is needed to judge it. */
export function shown(
  payload: AppleDictionary,
  finding: VpnFinding,
  context: AppleContext,
  switched: Partial<AppleReadings> = {},
): Shown {
  const dialect: AppleDialect = finding.witness?.answers[0]?.dialect ?? 'apple-mdm';
  const rule = payload.OnDemandRules?.[finding.ruleIndex ?? -1];
  const alone = (changed: object = {}) => {
    if (rule === undefined) throw new Error(`${finding.rule} names no rule`);
    const { ActionParameters: _, ...network } = { ...rule, ...changed, Action: 'Ignore' as const };
    const answer = evaluateApple({ OnDemandEnabled: 1, OnDemandRules: [network] }, context, dialect, switched);
    return answer.ruleIndex === 0;
  };
  return { payload, finding, context, answer: evaluateApple(payload, context, dialect, switched), alone, switched };
}
