import { existsSync, readdirSync } from 'node:fs';
import { mkdir, readdir, readFile, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually } from '@quell/testing/eventually';
import fc from 'fast-check';
import { AgentProcess } from './agent-process.ts';
import { Playground, sha256Of } from './fixtures.ts';
import { ProtocolServer } from './protocol-server.ts';

/** Kills per half of a walk, and walks. More walks: QUELL_CRASH_SEEDS. */
const KILLS = 2;
const WALKS = Number(process.env.QUELL_CRASH_SEEDS ?? 2);
const FILES = 12;

/** When to kill: after so many more files have moved, and so many milliseconds into the next one. */
const moment = fc.record({ files: fc.integer({ min: 1, max: 5 }), ms: fc.integer({ min: 0, max: 40 }) });

/** A walk: mitigate several files, roll them back; the agent is killed at random moments of the work and started again. */
async function walk(seed: number): Promise<void> {
  const place = await Playground.make();
  const server = new ProtocolServer();
  await server.listen();
  const moments = fc.sample(moment, { seed, numRuns: KILLS * 2 });
  const args = [
    ...['--url', server.url, '--token', server.token, '--root', place.root, '--state', place.state],
    ...['--retry-base', '0.05', '--retry-cap', '0.2', '--wait', '5'],
  ];
  let agent: AgentProcess | undefined;
  const log: string[] = [];
  const killAt = async (when: readonly { files: number; ms: number }[], isDone: () => boolean) => {
    for (const { files, ms } of when) {
      const before = sealedIn(place);
      agent = AgentProcess.start(args);
      await eventually(() => Math.abs(sealedIn(place) - before) >= files || isDone(), { everyMs: 1 });
      const until = performance.now() + ms;
      while (performance.now() < until && !isDone()) await new Promise((resolve) => setImmediate(resolve));
      await agent.stop('SIGKILL');
      log.push(`killed with ${before} → ${sealedIn(place)} in the vault: ${agent.output}`);
    }
    agent = AgentProcess.start(args);
    await eventually(isDone, { timeoutMs: 30_000 });
    await agent.stop('SIGTERM');
    log.push(agent.output);
  };
  try {
    const contents = Array.from({ length: FILES }, (_, index) => Buffer.alloc(40_000 + index, index + 1));
    const paths = await Promise.all(
      contents.map((content, index) => place.put(`root/d${index % 3}/f${index}`, content)),
    );
    const targets = paths.map((path, index) => ({
      id: `t${index}`,
      kind: 'file' as const,
      path,
      sha256: sha256Of(contents[index]!),
    }));
    const task = server.open('mitigate', { targets });
    await killAt(moments.slice(0, KILLS), () => task.phase === 'ended');
    const [mitigated] = task.results;
    expect(task.results).toHaveLength(1);
    expect(mitigated?.result.threats?.map(({ outcome }) => outcome)).toEqual(targets.map(() => 'resolved'));
    expect(new Set(mitigated?.result.backups?.map(({ path }) => path))).toEqual(new Set(paths));
    expect(mitigated?.result.backups).toHaveLength(FILES);
    // Each content in exactly one place: in the vault, once.
    for (const content of contents) expect(await place.copiesOf(sha256Of(content))).toEqual([]);
    expect(await vaultFiles(place)).toEqual({ sealed: FILES, partial: 0 });

    server.reopen(task, 'rollback', { items: mitigated?.result.backups ?? [] });
    await killAt(moments.slice(KILLS), () => task.phase === 'ended');
    expect(task.results).toHaveLength(2);
    expect(task.results[1]?.result).toMatchObject({ outcome: 'rolled-back' });
    for (const [index, content] of contents.entries()) {
      expect(await place.copiesOf(sha256Of(content))).toEqual([paths[index]]);
    }
    expect(await vaultFiles(place)).toEqual({ sealed: 0, partial: 0 });
    expect(await leftovers(place)).toEqual([]);
    expect(server.violations).toEqual([]);
  } catch (error) {
    (error as Error).message += `\nseed ${seed}\n${log.join('\n--\n')}\n${agent?.output}`;
    throw error;
  } finally {
    await agent?.stop('SIGKILL');
    await server.close();
    await place.dispose();
  }
}

function sealedIn(place: Playground): number {
  const vault = join(place.state, 'quarantine');
  return existsSync(vault) ? readdirSync(vault).filter((name) => name.endsWith('.sealed')).length : 0;
}

async function vaultFiles(place: Playground): Promise<{ sealed: number; partial: number }> {
  const names = await readdir(join(place.state, 'quarantine'));
  const count = (end: string) => names.filter((name) => name.endsWith(end)).length;
  return { sealed: count('.sealed'), partial: count('.partial') };
}

async function leftovers(place: Playground): Promise<string[]> {
  const names = await readdir(place.root, { recursive: true });
  return names.filter((name) => name.includes('.quell-restore-'));
}

test.each(Array.from({ length: WALKS }, (_, index) => 7001 + index))(
  'an agent killed at random moments (seed %i) does each thing once and leaves each file in one place',
  (seed) => walk(seed),
  120_000,
);

test('a journal cut in the middle of a line by a crash is taken up where it was whole', async () => {
  const place = await Playground.make();
  const server = new ProtocolServer();
  await server.listen();
  try {
    const path = await place.put('root/file', 'payload');
    const task = server.open('mitigate', { targets: [{ id: 't', kind: 'file', path, sha256: sha256Of('payload') }] });
    await mkdir(place.state, { recursive: true, mode: 0o700 });
    const args = ['--url', server.url, '--token', server.token, '--root', place.root, '--state', place.state, '--once'];
    await AgentProcess.run(args);
    const journal = join(place.state, 'journal');
    const whole = await readFile(journal);
    await truncate(journal, whole.length - 5);
    server.loseDelivery(task);
    const { code, output } = await AgentProcess.run(args);
    expect({ code, output }).toMatchObject({ code: 0 });
    expect(task.results.map(({ attempt }) => attempt)).toEqual([1, 2]);
    expect(task.results[1]?.result).toEqual(task.results[0]?.result);
  } finally {
    await server.close();
    await place.dispose();
  }
});
