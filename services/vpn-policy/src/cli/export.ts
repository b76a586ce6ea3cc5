import { type VpnExportRequest, vpnExportRequest } from '@quell/contracts/vpn-formats';
import { exportFile } from '../formats/export-file.ts';
import { type Printed, parsed, readJson } from './finish.ts';
import { line } from './lint.ts';
import { policyIn } from './read-policy.ts';

type Options = {
  target: string;
  name?: string;
  identifier?: string;
  vpnType?: string;
  binary?: true;
  accept?: string[];
};

/** `quell vpn export`: the file goes to stdout, everything that is to be said of it to stderr. */
export function exportCommand(file: string | undefined, options: Options): Printed {
  const request = parsed(vpnExportRequest, requestOf(readJson(file), options), 'the policy');
  const answer = exportFile(request);
  const remarks = [
    ...answer.remarks.map(({ policy, place, text }) => (policy === null ? text : `policy ${policy} ${place}: ${text}`)),
    ...answer.findings.map((finding) => `policy ${finding.policy}: ${line(finding)}`),
  ];
  if (answer.result === 'exported') return { file: answer.content, remarks, exitCode: 0 };
  return { file: new Uint8Array(), remarks: [...remarks, `not exported: ${answer.text}`], exitCode: 1 };
}

/** A request from one policy, a list of them, or what `quell vpn import --json` printed. */
function requestOf(value: unknown, { binary, accept, ...options }: Options): unknown {
  const listed = typeof value === 'object' && value !== null && 'policies' in value ? value.policies : value;
  const policies = (Array.isArray(listed) ? listed : [listed]).map((one: unknown, index) => {
    const entry = typeof one === 'object' && one !== null ? one : {};
    if (options.target !== ('cisco' satisfies VpnExportRequest['target'])) {
      return 'document' in entry ? entry.document : policyIn(one);
    }
    return 'profile' in entry && 'name' in entry
      ? entry
      : { name: options.name ?? `Policy ${index + 1}`, profile: policyIn(one) };
  });
  return { ...options, ...(binary && { binary }), ...(accept && { acceptFindings: accept }), policies };
}
