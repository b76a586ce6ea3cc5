import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { rootsOf } from '../confined/roots.ts';
import type { AgentOptions } from '../service/agent.ts';
import { defaultStateDir, prepareStateDir } from './state-dir.ts';

/** What commander read, before it means anything. */
export interface RawOptions {
  readonly url?: string;
  readonly token?: string;
  readonly root?: readonly string[];
  readonly state?: string;
  readonly deviceId?: string;
  readonly hostname?: string;
  readonly hashes?: readonly string[];
  readonly patterns?: readonly string[];
  readonly choose?: string;
  readonly once?: boolean;
  readonly retryBase: string;
  readonly retryCap: string;
  readonly wait: string;
}

/** A command line that cannot be meant as it stands; the message says what to change. */
export class UsageError extends Error {}

/**
 * Turns the command line into options, making the state folder.
 *
 * @throws UsageError
 */
export function readOptions(raw: RawOptions, log: (line: string) => void): AgentOptions {
  if (raw.url === undefined)
    throw new UsageError('--url is missing: the base URL of Quell, e.g. http://127.0.0.1:8080');
  const roots = readRoots(raw.root ?? []);
  const stateDir = readStateDir(raw.state ?? defaultStateDir(roots), roots);
  const waitSeconds = readSeconds('--wait', raw.wait);
  if (waitSeconds > 60) throw new UsageError('--wait is at most 60 seconds');
  return {
    ...{ url: readUrl(raw.url), roots, stateDir, log, waitSeconds, once: raw.once ?? false },
    ...(raw.token ? { token: raw.token } : {}),
    ...(raw.deviceId === undefined ? {} : { deviceId: raw.deviceId }),
    ...(raw.hostname === undefined ? {} : { hostname: raw.hostname }),
    hashFiles: (raw.hashes ?? []).map((path) => readFile('--hashes', path)),
    patternFiles: (raw.patterns ?? []).map((path) => readFile('--patterns', path)),
    choose: readChoose(raw.choose, stateDir),
    limits: {
      baseSeconds: readSeconds('--retry-base', raw.retryBase),
      capSeconds: readSeconds('--retry-cap', raw.retryCap),
    },
  };
}

/** Checks the folders of `--root`. Throws UsageError. */
export function readRoots(paths: readonly string[]): AgentOptions['roots'] {
  if (paths.length === 0) throw new UsageError('--root is missing: the folder this agent may scan and clean');
  try {
    return rootsOf(paths);
  } catch (error) {
    throw new UsageError(`--root: ${(error as Error).message}`);
  }
}

/** Makes the state folder. Throws UsageError when it cannot be one. */
export function readStateDir(path: string, roots: AgentOptions['roots']): string {
  try {
    return prepareStateDir(path, roots);
  } catch (error) {
    throw new UsageError(`--state: ${(error as Error).message}`);
  }
}

/** Checks the server's base URL: a token and file names do not cross a network in the clear unless somebody wants that. */
export function readUrl(text: string, env: NodeJS.ProcessEnv = process.env): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol))
    throw new UsageError(`--url: ${text} is not an http(s) URL`);
  const isLoopback = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(url.hostname);
  if (url.protocol === 'http:' && !isLoopback && env.QUELL_INSECURE !== '1') {
    throw new UsageError(`--url: ${url.host} is not this machine, so it needs https:// (or QUELL_INSECURE=1)`);
  }
  return url.href;
}

function readFile(option: string, path: string): string {
  if (!existsSync(path)) throw new UsageError(`${option}: there is no file ${path}`);
  return resolve(path);
}

function readChoose(text: string | undefined, stateDir: string): AgentOptions['choose'] {
  if (text === 'all' || text === 'none') return { by: text };
  return { by: 'file', path: text === undefined ? join(stateDir, 'answers.json') : resolve(text) };
}

function readSeconds(option: string, text: string): number {
  const seconds = Number(text);
  if (!(seconds >= 0) || text.trim() === '') throw new UsageError(`${option}: ${text} is not a number of seconds`);
  return seconds;
}
