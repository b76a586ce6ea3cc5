import type { VpnPolicyBody } from '@quell/contracts/vpn-policy-body';
import type { VpnPolicyContent } from '@quell/contracts/vpn-policy-events';
import type { PostureSettings } from '@quell/contracts/vpn-posture';
import { refusal } from '@quell/service-kit/problem-error';
import { withholdSecrets } from './withhold-secrets.ts';

/** What is stored of a policy that was sent: without secrets. @throws ProblemError 422 where one stands that decisions hang on */
export function contentToKeep(body: VpnPolicyBody, posture: PostureSettings | undefined): VpnPolicyContent {
  const taken = withholdSecrets(body);
  if ('body' in taken) return { body: taken.body, ...(posture === undefined ? {} : { posture }) };
  const errors = taken.errors.map(({ pointer, detail }) => ({ pointer: `/body${pointer}`, detail }));
  throw refusal('unprocessable', `${errors[0]?.pointer}: ${errors[0]?.detail}`, { errors });
}
