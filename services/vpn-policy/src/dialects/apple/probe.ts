import type { AppleContext } from '@quell/contracts/vpn-apple';
import { pointerToken } from '../../evaluation/criterion.ts';

export type ProbeResult = 'ok' | 'redirected' | 'failed' | 'unanswered';

/** What is known of a probe: `redirected` answered 200 after a redirect. */
export function probeResult(probes: AppleContext['probes'], url: string): ProbeResult {
  const answer = probes !== undefined && Object.hasOwn(probes, url) ? probes[url] : undefined;
  if (answer === undefined) return 'unanswered';
  if (answer.error !== undefined) return 'failed';
  if (answer.status === undefined) return 'unanswered';
  if (answer.status !== 200) return 'failed';
  return answer.redirected === true ? 'redirected' : 'ok';
}

/** Where the answer of a probe would stand in the context. */
export function probePointer(url: string): string {
  return `/probes/${pointerToken(url)}`;
}
