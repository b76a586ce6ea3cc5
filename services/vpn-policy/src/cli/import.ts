import type { FilePlace } from '@quell/contracts/file-place';
import { appleDialect } from '@quell/contracts/vpn-apple';
import type { VpnImportAnswer } from '@quell/contracts/vpn-formats';
import { importFile } from '../formats/import-file.ts';
import { type Printed, parsed, readBytes, UsageError } from './finish.ts';
import { line } from './lint.ts';

/** `quell vpn import`. */
export async function importCommand(
  file: string | undefined,
  options: { dialect: string; json?: true },
): Promise<Printed> {
  const answer = await importFile(readBytes(file), parsed(appleDialect, options.dialect, 'the dialect'));
  if (answer.result === 'refused') {
    const where = answer.at === null ? '' : ` at ${said(answer.at)}`;
    throw new UsageError(`${file ?? 'stdin'} is refused as ${answer.reason}${where}: ${answer.text}`);
  }
  const findings = answer.policies.flatMap((policy) => [...policy.findings]);
  const bad = findings.some(({ severity }) => severity !== 'info');
  return { text: options.json ? JSON.stringify(answer, null, 2) : summary(answer), exitCode: bad ? 1 : 0 };
}

function said(at: FilePlace): string {
  return 'line' in at ? `line ${at.line}, column ${at.column}` : `byte ${at.byte}`;
}

function summary(answer: VpnImportAnswer): string {
  const lines: string[] = [];
  if (answer.format === 'anyconnect-xml') {
    for (const { name, address, at, findings } of answer.policies) {
      lines.push(`${name} (${address}), ${said(at)}`, ...findings.map((one) => line(one, place(one))));
    }
    lines.push(...answer.notModelled.map(({ path, count }) => `not read: ${count} × ${path}`));
  } else {
    lines.push(signature(answer.signature));
    for (const { name, index, payloadType, base, withheld, variables, findings } of answer.policies) {
      lines.push(`payload ${index}: ${payloadType} ${name ?? ''}, rules in ${base || '/'}`);
      lines.push(...withheld.map((one) => `withheld (${one.why}): ${one.place}`));
      lines.push(...variables.map((one) => `not filled in: ${one}`));
      lines.push(...findings.map((one) => line(one, place(one))));
    }
    lines.push(...answer.otherPayloads.map((type) => `not read: a payload of ${type}`));
  }
  if (answer.policies.length === 0) lines.push('no policy in it');
  return lines.join('\n');
}

function place(finding: { place: string; at: FilePlace | null }): string {
  return finding.at === null ? finding.place || '/' : `${said(finding.at)} (${finding.place || '/'})`;
}

function signature(signed: Extract<VpnImportAnswer, { format: 'plist-xml' | 'plist-binary' }>['signature']): string {
  if (!signed.signed) return 'not signed';
  const who = signed.signer === null ? 'nobody known' : signed.signer.subject;
  return signed.verified
    ? `signed by ${who}; the signature fits, whether to trust the signer was not looked at`
    : `signed by ${who}, but not verified: ${signed.why}`;
}
