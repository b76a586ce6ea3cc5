import { readFile } from 'node:fs/promises';
import type { RunPayload } from '@quell/contracts/run-payload';
import type { RunResult } from '@quell/contracts/run-result';
import { mergeRules, type Parsed, parseHashList, parsePatterns, type Rules } from '../detect/rules.ts';
import { ScanQuery } from '../detect/scan-query.ts';
import { type AgentConfiguration, readConfiguration } from '../settings/configuration.ts';
import type { RunEnvironment } from './run-environment.ts';

/** What a run that looks at files needs. */
export interface Prepared {
  readonly rules: Rules;
  readonly query: ScanQuery | undefined;
  readonly configuration: AgentConfiguration;
}

export type Preparation =
  | { readonly ok: true; readonly prepared: Prepared }
  | { readonly ok: false; readonly fault: RunResult };

const NO_HASHES: ReadonlyMap<string, string> = new Map();

/**
 * Gathers what a run needs before it starts, or says which fault keeps it from starting: a corrupted file, a missing pattern, no scan
 * query service. All of it is read anew for each run, so that a retry after the repair succeeds.
 */
export async function prepare(payload: RunPayload, environment: RunEnvironment): Promise<Preparation> {
  const read = await readConfiguration(environment.stateDir);
  if (!read.ok) {
    // This run says so; a good copy from the server lets the retry succeed.
    void environment.refreshConfiguration();
    return corrupted(read.file, read.detail, environment);
  }
  const { configuration } = read;
  const sources: Rules[] = [];
  for (const path of environment.hashFiles) {
    const list = await readRules(path, parseHashList);
    if (!list.ok) return corrupted(path, list.detail, environment);
    sources.push({ hashes: list.value, patterns: [] });
  }
  for (const path of environment.patternFiles) {
    const list = await readRules(path, parsePatterns);
    if (!list.ok) return corrupted(path, list.detail, environment);
    sources.push({ hashes: NO_HASHES, patterns: list.value });
  }
  for (const digest of new Set([...payload.patterns, ...configuration.patterns.map((text) => text.toLowerCase())])) {
    const found = await environment.patterns.find(digest);
    if (found === undefined) return fault({ outcome: 'pattern-not-found', patternId: digest.slice(0, 256) });
    const list = parsePatterns(found.text);
    if (!list.ok) return corrupted(found.path, `line ${list.line}: ${list.detail}`, environment);
    sources.push({ hashes: NO_HASHES, patterns: list.value });
  }
  const queryUrl = payload.scanQueryUrl ?? configuration.scanQueryUrl;
  const query = queryUrl === undefined ? undefined : new ScanQuery(queryUrl);
  if (query !== undefined && !(await query.isReachable())) return fault({ outcome: 'scan-query-unsendable' });
  return { ok: true, prepared: { rules: mergeRules(sources), query, configuration } };
}

async function readRules<T>(
  path: string,
  parse: (text: string) => Parsed<T>,
): Promise<{ ok: true; value: T } | { ok: false; detail: string }> {
  try {
    const parsed = parse(await readFile(path, 'utf8'));
    return parsed.ok ? parsed : { ok: false, detail: `line ${parsed.line}: ${parsed.detail}` };
  } catch (error) {
    return { ok: false, detail: (error as Error).message };
  }
}

function corrupted(file: string, detail: string, { log }: RunEnvironment): Preparation {
  log(`cannot use ${file}: ${detail}`);
  return fault({ outcome: 'configuration-corrupted', configurationFile: file.slice(0, 4096) });
}

function fault(result: RunResult): Preparation {
  return { ok: false, fault: result };
}
