import { randomUUID } from 'node:crypto';
import { mkdir, readdir, stat } from 'node:fs/promises';
import { locate, rootsOf } from '../src/confined/roots.ts';
import { Journal } from '../src/journal/journal.ts';
import { runKey } from '../src/journal/records.ts';
import { Vault } from '../src/quarantine/vault.ts';
import { Cleaner } from '../src/run/clean.ts';
import { backupsOf, cleanedThreats } from '../src/run/compose.ts';
import type { Finding } from '../src/run/findings.ts';
import type { RunEnvironment } from '../src/run/run-environment.ts';
import { EICAR, EICAR_SHA256, Playground } from './fixtures.ts';

const MOST = 2;

let place: Playground;
let journal: Journal;
beforeEach(async () => {
  place = await Playground.make();
  await mkdir(place.state, { mode: 0o700 });
  journal = await Journal.open(place.state);
});
afterEach(async () => {
  await journal.close();
  await place.dispose();
});

test('a run takes no more files than its result can name; the others stay, and are said to be left', async () => {
  const taskId = randomUUID();
  const key = runKey(taskId, 1);
  const payload = { targets: [], patterns: [], choose: false, promptTimeoutSeconds: 300 };
  const work = { taskId, mode: 'scan' as const, kind: 'on-demand-scan' as const, payload, leaseSeconds: 90 };
  const common = { acceptedAt: '2026-01-01T00:00:00.000Z', items: [], choices: {}, isCancelAsked: false };
  await journal.append({ type: 'accepted', entry: { key, work, run: 1, attempt: 1, isAbandoned: false, ...common } });
  const roots = rootsOf([place.root]);
  const environment = {
    ...{ roots, stateDir: place.state, journal, choose: { by: 'none' }, agentVersion: '0', hashFiles: [] },
    ...{ patternFiles: [], now: () => '2026-01-01T00:00:01.000Z', log: () => {}, patterns: undefined as never },
    refreshConfiguration: async () => {},
  } satisfies RunEnvironment;
  const control = { signal: new AbortController().signal, report: () => {} };
  const cleaner = new Cleaner(key, environment, await Vault.open(place.state), control, MOST);

  // The second threat is two files: one is the last that is taken, the other is one too many.
  const findings: Finding[] = [];
  for (const [threatId, names] of [
    ['one', ['a']],
    ['two', ['b', 'c']],
    ['three', ['d']],
  ] as const) {
    const sightings = await Promise.all(
      names.map(async (name) => {
        const path = await place.put(`root/${name}`, EICAR);
        const { dev, ino } = await stat(path, { bigint: true });
        const where = locate(roots, path);
        if (where === undefined) throw new Error('outside');
        return { place: where, device: dev, inode: ino, sha256: EICAR_SHA256, name: 'EICAR' };
      }),
    );
    findings.push({ threatId, name: 'EICAR', verdict: { is: 'present', sightings } });
    for (const sighting of sightings) await cleaner.clean(sighting, threatId);
  }

  const entry = journal.state.get(key);
  if (entry === undefined) throw new Error('the run is in the journal');
  const left = { outcome: 'failed', error: expect.stringContaining('left for the next run') };
  expect(cleanedThreats(findings, entry, cleaner)).toMatchObject([
    { id: 'one', outcome: 'resolved' },
    { id: 'two', ...left },
    { id: 'three', ...left },
  ]);
  expect(backupsOf(entry)).toHaveLength(MOST);
  expect((await readdir(place.root)).sort()).toEqual(['c', 'd']);
});
