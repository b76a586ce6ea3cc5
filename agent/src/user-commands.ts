import { existsSync, realpathSync } from 'node:fs';
import { resolve } from 'node:path';
import { type AgentTaskRequest, agentTaskResponse } from '@quell/contracts/agent-protocol';
import { v4 as uuidv4 } from 'uuid';
import { knownServer } from './identity/enrolment.ts';
import { loadIdentity } from './identity/identity.ts';
import { readRoots, readUrl, UsageError } from './settings/command-line.ts';
import { defaultStateDir } from './settings/state-dir.ts';
import { ServerLink } from './transport/server-link.ts';

interface Where {
  readonly state?: string;
  readonly root?: readonly string[];
}

export interface ScanOptions extends Where {
  readonly path?: readonly string[];
  readonly ask: boolean;
}

export interface ReportOptions extends Where {
  readonly name: string;
  readonly path?: string;
  readonly sha256?: string;
}

/** Asks the server for a scan of this endpoint in the user's name; the running agent is handed it. Returns the exit code. */
export function scanCommand({ path, ask, ...where }: ScanOptions, log: (line: string) => void): Promise<number> {
  const paths = path?.map((one) => resolve(one));
  const kind = 'on-demand-scan' as const;
  return openTask(where, { requestId: uuidv4(), kind, choose: ask, ...(paths && { paths }) }, log);
}

/** Reports something the user found; the running agent is handed what comes of it. Returns the exit code. */
export function reportCommand(options: ReportOptions, log: (line: string) => void): Promise<number> {
  const { name, path, sha256 } = options;
  if (path === undefined && sha256 === undefined)
    throw new UsageError('name what is reported: --path, --sha256 or both');
  const threat = { name, kind: 'file' as const, ...(path && { path: resolve(path) }), ...(sha256 && { sha256 }) };
  return openTask(options, { requestId: uuidv4(), kind: 'user-initiated-event', threat }, log);
}

async function openTask({ state, root }: Where, body: AgentTaskRequest, log: (line: string) => void): Promise<number> {
  const named = state ?? (root === undefined ? undefined : defaultStateDir(readRoots(root)));
  if (named === undefined) throw new UsageError('name the agent by its --state folder, or by the --root it was given');
  if (!existsSync(named)) throw new UsageError(`there is no state folder ${named}: start the agent first`);
  const stateDir = realpathSync(named);
  const url = await knownServer(stateDir);
  if (url === undefined) throw new UsageError(`the agent of ${stateDir} is not enrolled yet: start it first`);
  const link = new ServerLink(readUrl(url), await loadIdentity(stateDir));
  try {
    const reply = await link.call('POST', '/v1/agents/me/tasks', { body });
    const opened = reply.kind === 'answered' ? agentTaskResponse.safeParse(reply.body) : undefined;
    if (opened?.success) log(`task ${opened.data.taskId}`);
    else log(`not started: ${reply.kind === 'answered' ? "the server's answer does not fit" : reply.detail}`);
    return opened?.success ? 0 : 1;
  } finally {
    await link.close();
  }
}
