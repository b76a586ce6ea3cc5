import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type EnrolRequest, enrolResponse, type HostFacts } from '@quell/contracts/agent-protocol';
import { z } from 'zod';
import { writeDurably } from '../settings/durable-file.ts';
import type { Reply, ServerLink } from '../transport/server-link.ts';
import type { Identity } from './identity.ts';

/** What the state folder keeps of the enrolment. The id is written before the first try, so that a lost answer enrols nobody twice. */
const enrolment = z.object({
  url: z.string(),
  enrolmentId: z.uuid(),
  enrolled: enrolResponse.optional(),
});
export type Enrolment = z.infer<typeof enrolment>;

/** Reads the enrolment with the server at `url`; a state folder that belongs to another server begins a new one, under the same key. */
export async function loadEnrolment(stateDir: string, url: string): Promise<Enrolment> {
  const kept = await readKept(stateDir);
  return kept?.url === url ? kept : { url, enrolmentId: randomUUID() };
}

/** The server this state folder last enrolled with, for commands that are not told a URL. */
export async function knownServer(stateDir: string): Promise<string | undefined> {
  const kept = await readKept(stateDir);
  return kept?.enrolled === undefined ? undefined : kept.url;
}

async function readKept(stateDir: string): Promise<Enrolment | undefined> {
  const text = await readFile(join(stateDir, 'enrolment.json'), 'utf8').catch(() => '');
  try {
    return enrolment.parse(JSON.parse(text));
  } catch {
    // Damaged or absent: enrolling again under the same key is harmless, the server gives the same answer.
    return undefined;
  }
}

/** Asks the server to take this agent. Idempotent: the same id and key get the same answer. */
export async function enrol(
  link: ServerLink,
  identity: Identity,
  stateDir: string,
  kept: Enrolment,
  enrolmentToken: string,
  host: HostFacts,
): Promise<{ reply: Reply; enrolment: Enrolment }> {
  const path = join(stateDir, 'enrolment.json');
  await writeDurably(path, JSON.stringify(kept));
  const body: EnrolRequest = {
    enrolmentToken,
    enrolmentId: kept.enrolmentId,
    publicKey: identity.publicKey,
    host,
  };
  const reply = await link.call('POST', '/v1/agents/enrol', { body });
  if (reply.kind !== 'answered') return { reply, enrolment: kept };
  const enrolled = enrolResponse.safeParse(reply.body);
  if (!enrolled.success) {
    return {
      reply: { kind: 'later', detail: `the server's answer does not fit: ${enrolled.error.message}` },
      enrolment: kept,
    };
  }
  const done = { ...kept, enrolled: enrolled.data };
  await writeDurably(path, JSON.stringify(done));
  return { reply, enrolment: done };
}
