import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { agentConfiguration } from '@quell/contracts/agent-protocol';
import { z } from 'zod';
import { isCode } from '../confined/directory.ts';
import type { ServerLink } from '../transport/server-link.ts';
import { writeDurably } from './durable-file.ts';

const kept = z.object({ etag: z.string().optional(), configuration: agentConfiguration });
export type AgentConfiguration = z.infer<typeof agentConfiguration>;

/** A file the agent needs for its work and cannot read. */
export interface CorruptedFile {
  readonly file: string;
  readonly detail: string;
}

const pathIn = (stateDir: string) => join(stateDir, 'configuration.json');

/** The configuration the server last gave; without one, the defaults. */
export async function readConfiguration(
  stateDir: string,
): Promise<{ ok: true; configuration: AgentConfiguration } | ({ ok: false } & CorruptedFile)> {
  const read = await readKept(stateDir);
  if (!read.ok) return read;
  return { ok: true, configuration: read.kept?.configuration ?? agentConfiguration.parse({}) };
}

/** Fetches the configuration by ETag. A server that has none, or cannot be reached, leaves what there is. Returns what went wrong. */
export async function refreshConfiguration(link: ServerLink, stateDir: string): Promise<string | undefined> {
  const read = await readKept(stateDir);
  const etag = read.ok ? read.kept?.etag : undefined;
  const reply = await link.call('GET', '/v1/agents/me/configuration', etag === undefined ? {} : { etag });
  if (reply.kind !== 'answered') return reply.kind === 'refused' && reply.status === 404 ? undefined : reply.detail;
  if (reply.status === 304) return undefined;
  const configuration = agentConfiguration.safeParse(reply.body);
  if (!configuration.success) return `the configuration does not fit: ${configuration.error.message}`;
  const next = { configuration: configuration.data, ...(reply.etag === undefined ? {} : { etag: reply.etag }) };
  await writeDurably(pathIn(stateDir), JSON.stringify(next));
  return undefined;
}

async function readKept(
  stateDir: string,
): Promise<{ ok: true; kept: z.infer<typeof kept> | undefined } | ({ ok: false } & CorruptedFile)> {
  const file = pathIn(stateDir);
  try {
    return { ok: true, kept: kept.parse(JSON.parse(await readFile(file, 'utf8'))) };
  } catch (error) {
    if (isCode(error, 'ENOENT')) return { ok: true, kept: undefined };
    return { ok: false, file, detail: (error as Error).message };
  }
}
