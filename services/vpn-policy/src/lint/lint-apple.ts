import type { AppleDialect } from '@quell/contracts/vpn-apple';
import { dictionaryOf } from '@quell/contracts/vpn-dictionary';
import type { VpnFinding, VpnLintAnswer, VpnPatch } from '@quell/contracts/vpn-lint';
import type { SwitchedReadings } from '../dialects/apple/readings.ts';
import { form } from './form.ts';
import { disabled, keys } from './keys.ts';
import { parameters } from './parameters.ts';
import { payloadKeys } from './payload-keys.ts';
import { misplaced } from './placement.ts';
import { divergence, lossyExport } from './portability.ts';
import { probes } from './probes.ts';
import { reach } from './reach.ts';
import type { Subject } from './subject.ts';
import { unknownKeys } from './unknown-keys.ts';
import { ruleValues } from './values.ts';
import { wrongDialect } from './wrong-dialect.ts';

/**
 * Everything that is wrong, dead or surprising about an Apple on-demand policy, each with its place, a context that shows it, and what to do.
 * @param policy a VPN dictionary, or a whole com.apple.vpn.managed payload with one in it
 * @param switched single points of the dialect's reading
 */
export function lintApple(
  policy: unknown,
  dialect: AppleDialect = 'apple-mdm',
  switched: SwitchedReadings = {},
): VpnLintAnswer {
  const { dictionary, base } = dictionaryOf(policy);
  const other = wrongDialect(policy, 'apple') ?? wrongDialect(dictionary, 'apple', true);
  if (other !== null) return { dialect, findings: [at(base, { ...other, ruleIndex: null })], undecided: [] };
  const unknown = unknownKeys(dictionary).map((finding) => at(base, finding));
  const { payload, findings: formal } = form(dictionary);
  if (payload === null) {
    return { dialect, findings: [...unknown, ...formal.map((finding) => at(base, finding))], undecided: [] };
  }
  const off = payload.OnDemandEnabled !== 1;
  // A policy that is switched off does nothing to show, so everything but that is about the policy once it is on.
  const asItIs: Subject = { payload, dialect, switched };
  const subject: Subject = { ...asItIs, payload: { ...payload, OnDemandEnabled: 1 } };
  const reached = reach(subject);
  const entries = parameters(subject);
  const aboutKeys = keys(subject);
  const diverging = divergence(subject);
  const findings = [
    ...reached.findings,
    ...ruleValues(subject),
    ...entries.findings,
    ...aboutKeys.findings,
    ...probes(subject),
    ...lossyExport(subject),
    ...diverging.findings,
  ].map((finding) => at(base, off ? onceOn(base, finding) : finding));
  const switchedOff = disabled(asItIs).map((finding) => at(base, finding));
  return {
    dialect,
    findings: [
      ...misplaced(policy, asItIs, base),
      ...payloadKeys(policy, base),
      ...unknown,
      ...switchedOff,
      ...findings,
    ],
    undecided: [...reached.undecided, ...entries.undecided, ...aboutKeys.undecided, ...diverging.undecided].map(
      (one) => ({
        ...one,
        place: base + one.place,
      }),
    ),
  };
}

function at(base: string, finding: VpnFinding): VpnFinding {
  const patch = finding.fix.patch?.map((change) => ({ ...change, path: base + change.path })) ?? null;
  return { ...finding, place: base + finding.place, fix: { ...finding.fix, patch } };
}

function onceOn(base: string, finding: VpnFinding): VpnFinding {
  const after: VpnPatch[] = [{ op: 'add', path: `${base}/OnDemandEnabled`, value: 1 }];
  return finding.witness === null ? finding : { ...finding, witness: { ...finding.witness, after } };
}
