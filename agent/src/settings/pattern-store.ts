import { createHash } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ServerLink } from '../transport/server-link.ts';
import { writeDurably } from './durable-file.ts';

/** Custom patterns by digest: from the state folder, else from the server. A digest names its content, so a copy never grows old. */
export class PatternStore {
  private readonly folder: string;
  private readonly link: ServerLink;

  constructor(stateDir: string, link: ServerLink) {
    this.folder = join(stateDir, 'patterns');
    this.link = link;
  }

  /** The pattern file of a digest; undefined when neither here nor to be had from the server. */
  async find(digest: string): Promise<{ path: string; text: string } | undefined> {
    const path = join(this.folder, digest);
    const cached = await readFile(path).catch(() => undefined);
    if (cached !== undefined && isContentOf(digest, cached)) return { path, text: cached.toString('utf8') };
    const reply = await this.link.call('GET', `/v1/patterns/${digest}`, { raw: true });
    if (reply.kind !== 'answered' || typeof reply.body !== 'string') return undefined;
    const content = Buffer.from(reply.body);
    if (!isContentOf(digest, content)) return undefined;
    await mkdir(this.folder, { recursive: true, mode: 0o700 });
    await writeDurably(path, content);
    return { path, text: reply.body };
  }
}

function isContentOf(digest: string, content: Buffer): boolean {
  return createHash('sha256').update(content).digest('hex') === digest;
}
