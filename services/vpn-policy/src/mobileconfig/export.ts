import type { AppleDialect } from '@quell/contracts/vpn-apple';
import type { ExportRemarks, VpnExportRequest } from '@quell/contracts/vpn-formats';
import { lintApple } from '../lint/lint-apple.ts';
import { lintDnsSettings } from '../lint/lint-dns-settings.ts';
import { wrongDialect } from '../lint/wrong-dialect.ts';
import { completePayload, lacking, payloadUuid } from './complete-payload.ts';
import { unwritable, withoutSecrets, writePlist } from './write-plist.ts';

type AppleTarget = Extract<VpnExportRequest, { target: 'apple' }>;

/** A file for a target, or why there is none; `findings` of severity error refuse it. */
export type Exported =
  | (ExportRemarks & { readonly result: 'exported'; readonly mediaType: string; readonly content: Uint8Array })
  | (ExportRemarks & { readonly result: 'refused'; readonly text: string });

/**
 * A configuration profile with the policies as its payloads. The ids in it follow from the policies and the identifier, so the same export
 * gives the same bytes, and a device that has an older one replaces it.
 */
export function exportMobileconfig({
  policies,
  name,
  identifier,
  vpnType,
  binary,
  dialect,
  acceptFindings,
}: AppleTarget): Exported {
  const said: { findings: ExportRemarks['findings']; remarks: ExportRemarks['remarks'] } = {
    findings: [],
    remarks: [{ policy: null, place: '', text: 'not signed; a signature of the file that a policy came from is gone' }],
  };
  const payloads: Record<string, unknown>[] = [];
  for (const [policy, given] of policies.entries()) {
    const { value, places } = withoutSecrets(completePayload(given, policy, { identifier, name, vpnType }));
    const payload = value as Record<string, unknown>;
    const remark = (place: string, text: string) => said.remarks.push({ policy, place, text });
    const inRule = places.find((place) => place.includes('/OnDemand'));
    if (inRule !== undefined) {
      remark(inRule, 'not written: it may be a secret, or the import withheld it');
      return { ...said, result: 'refused', text: 'a rule hangs on a value that is not written' };
    }
    for (const place of places) remark(place, 'not written: it may be a secret. Fill it in before the file is used');
    for (const place of lacking(payload)) remark(place, 'missing: without it a device cannot connect');
    const other = wrongDialect(given, 'apple');
    if (other !== null) said.findings.push({ ...other, ruleIndex: null, policy });
    else said.findings.push(...lint(payload, dialect).map((finding) => ({ ...finding, policy })));
    payloads.push(payload);
  }
  if (hasErrors(said.findings, acceptFindings)) return { ...said, result: 'refused', text: LINT_REFUSES };
  const written = writeMobileconfig(payloads, { name, identifier, binary });
  if ('text' in written) return { ...said, result: 'refused', text: `${written.place}: ${written.text}` };
  return { ...said, result: 'exported', mediaType: 'application/x-apple-aspen-config', content: written.content };
}

/** Why an export is refused that lint speaks against. */
export const LINT_REFUSES = 'lint finds errors in it that are not accepted';

/** Whether a finding refuses an export. @param accepted rules that do not */
export function hasErrors(findings: ExportRemarks['findings'], accepted: readonly string[]): boolean {
  return findings.some(({ severity, rule }) => severity === 'error' && !accepted.includes(rule));
}

/** The profile around payloads, without a look at what they say. */
export function writeMobileconfig(
  payloads: readonly Readonly<Record<string, unknown>>[],
  { name, identifier, binary }: Pick<AppleTarget, 'name' | 'identifier' | 'binary'>,
): { readonly content: Uint8Array } | { readonly place: string; readonly text: string } {
  const profile = {
    PayloadContent: payloads,
    PayloadDisplayName: name,
    PayloadIdentifier: identifier,
    PayloadType: 'Configuration',
    PayloadUUID: payloadUuid([identifier, name, payloads]),
    PayloadVersion: 1,
  };
  return unwritable(profile, binary) ?? { content: writePlist(profile, binary) };
}

function lint(payload: Readonly<Record<string, unknown>>, dialect: AppleDialect) {
  const dns = payload.PayloadType === 'com.apple.dnsSettings.managed';
  const { findings } = dns ? lintDnsSettings(payload, dialect) : lintApple(payload, dialect);
  return findings;
}
