import { request } from 'undici';
import { z } from 'zod';

const answer = z.object({
  malicious: z.array(z.object({ sha256: z.string(), name: z.string().min(1).max(512).optional() })).default([]),
});

/** Digests asked about in one request. */
export const QUERY_BATCH = 100;

/**
 * The scan query (reputation) service: `POST <url> {"sha256": [..]}` → `{"malicious": [{"sha256", "name"?}]}`. Once lost, it is lost for
 * the rest of the run: its files are bypassed and counted rather than each waiting for a time-out (statuses.md, 22).
 */
export class ScanQuery {
  private readonly url: string;
  private readonly timeoutMs: number;
  private isLost = false;
  /** Files that needed an answer and got none. */
  bypassedFiles = 0;

  constructor(url: string, timeoutMs = 10_000) {
    this.url = url;
    this.timeoutMs = timeoutMs;
  }

  /** Whether the service answers now, before the work starts. */
  async isReachable(): Promise<boolean> {
    return (await this.post([])) !== undefined;
  }

  /** Names of those digests the service knows as malicious. */
  async ask(digests: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const verdicts = this.isLost || digests.length === 0 ? undefined : await this.post(digests);
    if (verdicts !== undefined) return verdicts;
    if (digests.length > 0) this.isLost = true;
    this.bypassedFiles += digests.length;
    return new Map();
  }

  private async post(digests: readonly string[]): Promise<ReadonlyMap<string, string> | undefined> {
    try {
      const response = await request(this.url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ sha256: digests }),
        headersTimeout: this.timeoutMs,
        bodyTimeout: this.timeoutMs,
      });
      const body = await response.body.text();
      if (response.statusCode !== 200) return undefined;
      const { malicious } = answer.parse(JSON.parse(body));
      return new Map(malicious.map(({ sha256, name }) => [sha256.toLowerCase(), name ?? 'Reputation:malicious']));
    } catch {
      return undefined;
    }
  }
}
