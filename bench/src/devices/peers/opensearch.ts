import { spawn } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { Agent } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '@quell/local/free-port';
import { java17, kafkaJars } from '@quell/local/kafka-jars';
import { exchange } from '../exchange.ts';
import type { BenchDevice } from '../generate.ts';
import type { Keystroke } from '../keystrokes.ts';

const project = fileURLToPath(new URL('../../../opensearch', import.meta.url));
const BULK = 5000;

/** A real OpenSearch node with the devices in it, asked as its manual says for type-ahead. */
export interface OpenSearchPeer {
  /** One keystroke: 20 hits, the exact total, counts by capability, model and group. @returns the total. */
  search(keystroke: Keystroke): Promise<number>;
  /** Of its process, in bytes. */
  readonly pid: number;
  close(): Promise<void>;
}

/** @throws Error when there is no Java 17 with Maven */
export async function openSearchPeer(
  dir: string,
  devices: Iterable<BenchDevice>,
  progress: (text: string) => void,
): Promise<OpenSearchPeer> {
  const jars = await kafkaJars((files) => progress(`fetching OpenSearch: ${files} files so far`), project);
  const base = join(dir, 'opensearch');
  await mkdir(base, { recursive: true });
  const port = await freePort();
  const node = spawn(
    await java17(),
    ['-Xms2g', '-Xmx2g', '-cp', join(jars, '*'), join(project, 'Peer.java'), base, String(port)],
    { stdio: ['pipe', 'pipe', 'ignore'], cwd: base },
  );
  const ended = new Promise<never>((_, reject) => {
    node.once('exit', (code) => reject(new Error(`OpenSearch ended with code ${code}`)));
    node.once('error', reject);
  });
  ended.catch(() => {});
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  const call = (method: string, path: string, body?: string, type = 'application/json') =>
    exchange({ agent, port, method, path, ...(body === undefined ? {} : { body, type }) });
  await Promise.race([
    ended,
    new Promise<void>((resolve) => {
      let output = '';
      node.stdout.on('data', (chunk) => {
        output += chunk;
        if (output.includes('ready')) resolve();
      });
    }),
  ]);
  await call('PUT', '/devices', JSON.stringify(mapping));
  let lines: string[] = [];
  let done = 0;
  for (const device of devices) {
    lines.push('{"index":{}}', JSON.stringify(documentOf(device)));
    done += 1;
    if (lines.length === 2 * BULK) {
      await call('POST', '/devices/_bulk', `${lines.join('\n')}\n`, 'application/x-ndjson');
      lines = [];
      if (done % 100_000 === 0) progress(`OpenSearch has ${done} devices`);
    }
  }
  if (lines.length > 0) await call('POST', '/devices/_bulk', `${lines.join('\n')}\n`, 'application/x-ndjson');
  await call('POST', '/devices/_refresh');
  const count = JSON.parse(await call('GET', '/devices/_count')) as { count: number };
  if (count.count !== done) throw new Error(`OpenSearch took ${count.count} of ${done} devices`);
  return {
    pid: node.pid ?? 0,
    async search(keystroke) {
      const answer = JSON.parse(await call('POST', '/devices/_search', JSON.stringify(queryOf(keystroke)))) as {
        hits: { total: { value: number } };
      };
      return answer.hits.total.value;
    },
    async close() {
      agent.destroy();
      const gone = ended.catch(() => {});
      node.stdin.end();
      await gone;
    },
  };
}

// Its documentation names search_as_you_type with bool_prefix for completing what somebody types.
const typed = { type: 'search_as_you_type' };
const mapping = {
  settings: { number_of_shards: 1, number_of_replicas: 0, refresh_interval: '-1' },
  mappings: {
    properties: {
      id: typed,
      label: typed,
      model: { ...typed, fields: { exact: { type: 'keyword' } } },
      capabilities: { type: 'keyword' },
      group: { type: 'keyword' },
    },
  },
};

function documentOf({ id, label, model, capabilities, group }: BenchDevice) {
  return { id, label, model, capabilities, group };
}

function queryOf({ q, feature, match }: Keystroke) {
  const fields = ['id', 'label', 'model'].flatMap((field) => [field, `${field}._2gram`, `${field}._3gram`]);
  const text =
    q === '' ? { match_all: {} } : { multi_match: { query: q, type: 'bool_prefix', operator: 'and', fields } };
  const filter =
    match === 'any' && feature.length > 0
      ? [{ terms: { capabilities: feature } }]
      : feature.map((one) => ({ term: { capabilities: one } }));
  return {
    size: 20,
    track_total_hits: true,
    query: { bool: { must: [text], filter } },
    aggs: {
      capabilities: { terms: { field: 'capabilities', size: 8 } },
      models: { terms: { field: 'model.exact', size: 100 } },
      groups: { terms: { field: 'group', size: 100 } },
    },
  };
}
