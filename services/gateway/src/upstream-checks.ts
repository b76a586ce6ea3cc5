import type { healthReport } from '@quell/contracts/health';
import { refusal, unavailable } from '@quell/service-kit/problem-error';
import type { z } from 'zod';

const TIMEOUT_MS = 1_500;

/** A readiness check: what is wrong with a service, as its replicas say; nothing when one of them is ready. */
export async function readiness(urls: readonly string[]): Promise<string | undefined> {
  const wrong = await Promise.all(urls.map(readinessOfOne));
  return wrong.includes(undefined) ? undefined : [...new Set(wrong)].join(' | ');
}

/** What is wrong with one replica; nothing when it is ready. One that says nothing for 1.5 s cannot be reached. */
export async function readinessOfOne(url: string): Promise<string | undefined> {
  let response: Response;
  try {
    response = await fetch(new URL('/readyz', url), { signal: AbortSignal.timeout(TIMEOUT_MS) });
  } catch {
    return 'cannot be reached';
  }
  const report = (await response.json().catch(() => ({ checks: {} }))) as z.infer<typeof healthReport>;
  if (response.ok) return undefined;
  const wrong = Object.entries(report.checks).filter(([, result]) => result !== 'ok');
  return wrong.map(([name, result]) => `${name}: ${result}`).join('; ') || `answers ${response.status}`;
}

/** The gateway knows no keys. Who may read ingest's metrics may read its own. */
export async function mayReadMetrics(ingestUrls: readonly string[], authorization: string | undefined): Promise<void> {
  const headers = authorization === undefined ? {} : { authorization };
  const ask = (url: string) => fetch(new URL('/metrics', url), { signal: AbortSignal.timeout(TIMEOUT_MS), headers });
  const asked = await Promise.any(ingestUrls.map(ask)).catch(() => {
    throw unavailable('ingest, which knows the API keys, cannot be reached.', 2);
  });
  await asked.body?.cancel();
  if (asked.status === 401) throw refusal('unauthenticated', 'Send an API key as "Authorization: Bearer …".');
  if (asked.status === 403) throw refusal('forbidden', 'This needs the scope metrics:read.');
  if (!asked.ok) throw unavailable(`ingest, which knows the API keys, answers ${asked.status}.`, 2);
}
