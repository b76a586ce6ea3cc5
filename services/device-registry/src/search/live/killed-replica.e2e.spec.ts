import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { DevicePage } from '@quell/contracts/device-search';
import { eventually } from '@quell/testing/eventually';
import { positionText } from '../../device-store/position.ts';
import { devicesAt, someChanges, write } from '../registry.fixture.ts';
import { type SearchScene, searchScene } from '../replica.fixture.ts';

let scene: SearchScene;
let child: ChildProcess | undefined;
beforeAll(async () => {
  scene = await searchScene();
});
afterAll(async () => {
  child?.kill('SIGKILL');
  await scene?.drop();
});

/** Where the tsconfig.json with the decorators' settings is. */
const root = fileURLToPath(new URL('../../../../..', import.meta.url));
const program = fileURLToPath(new URL('../replica-process.fixture.ts', import.meta.url));

interface Line {
  readonly msg: string;
  readonly url?: string;
}

/** A replica that builds one base after the other, and what it says. */
function startProcess(): { readonly child: ChildProcess; readonly said: readonly Line[] } {
  const started = spawn(process.execPath, ['--import', '@swc-node/register/esm-register', program], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      ...process.env,
      NODE_OPTIONS: '',
      DATABASE_URL: scene.database.fresh.url,
      KAFKA_BROKERS: 'nobody:1',
      QUELL_SEARCH_REBUILD_AT: '1',
    },
  });
  const said: Line[] = [];
  createInterface({ input: started.stdout }).on('line', (line) => said.push(JSON.parse(line)));
  return { child: started, said };
}

test('a replica killed at any moment, also while it builds its index, comes back with all that the streams tell', async () => {
  const { pool } = scene.database;
  await write(pool, someChanges(300, 1), 100);
  const built = (said: readonly Line[]) => said.filter(({ msg }) => msg === 'the search index was built').length;
  // While it builds its first base, and while it builds the next one.
  for (const builds of [0, 1, 2]) {
    const started = startProcess();
    child = started.child;
    await eventually(() => started.said.some(({ msg }) => msg === 'listening'), { timeoutMs: 120_000 });
    let writing = true;
    const writes = (async () => {
      for (let seed = 10; writing; seed++) await write(pool, someChanges(5, seed + 100 * builds));
    })();
    await eventually(() => built(started.said) >= builds, { timeoutMs: 120_000, everyMs: 1 });
    child.kill('SIGKILL');
    await once(child, 'close');
    writing = false;
    await writes;
  }
  const position = await write(pool, someChanges(10, 99));
  const started = startProcess();
  child = started.child;
  const { url } = await eventually(() => started.said.find(({ msg }) => msg === 'listening'), { timeoutMs: 120_000 });
  await eventually(async () => (await fetch(`${url}/readyz`)).ok, { timeoutMs: 120_000 });
  const parameters = `sort=id&limit=500&minPosition=${positionText(position)}&waitMs=1000`;
  const headers = { authorization: `Bearer ${scene.key}` };
  const pageAfter = async (cursor: string): Promise<DevicePage> =>
    (await fetch(`${url}/v1/devices?${parameters}${cursor}`, { headers })).json() as Promise<DevicePage>;
  // The feed waits for writers of other tests' databases too.
  let page = await eventually(
    async () => {
      const answer = await pageAfter('');
      return answer.stale === undefined && answer;
    },
    { timeoutMs: 60_000 },
  );
  const found = [...page.items];
  // How many there are depends on how fast this machine writes.
  while (page.nextCursor !== undefined) {
    page = await pageAfter(`&cursor=${encodeURIComponent(page.nextCursor)}`);
    found.push(...page.items);
  }
  const wanted = [...(await devicesAt(pool, position)).values()].map(({ id, version }) => `${id} ${version}`);
  expect(found.map(({ id, version }) => `${id} ${version}`).sort()).toEqual(wanted.sort());
}, 400_000);
