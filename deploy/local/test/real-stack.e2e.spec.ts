import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cleanUp, nothingLeft, processIds, startLauncher, temporaryDataDir } from './launcher-process.ts';

const npmStart = fileURLToPath(new URL('../src/main.ts', import.meta.url));
afterEach(cleanUp);

test('npm start brings the real services up, a killed one stops them all, and the next start has the same key', async () => {
  const dataDir = await temporaryDataDir();
  const env = { DOCKER_HOST: 'tcp://127.0.0.1:1', QUELL_DATA_DIR: dataDir };
  const launcher = startLauncher(env, npmStart);
  const url = await launcher.ready();
  const key = (await readFile(join(dataDir, 'admin.key'), 'utf8')).trim();
  expect(await statusOf(`${url}/v1/api-keys`, key)).toBe(200);
  expect(await statusOf(`${url}/v1/tasks`, key)).toBe(200);
  expect(await statusOf(`${url}/v1/tasks`, `${key}x`)).toBe(401);

  const ids = await processIds(dataDir);
  process.kill(ids.mitigation ?? 0, 'SIGKILL');
  expect(await launcher.exit).toBe(1);
  expect(launcher.output()).toContain('mitigation ended: killed by SIGKILL');
  await nothingLeft(dataDir, Object.values(ids));

  const again = startLauncher(env, npmStart);
  expect(await statusOf(`${await again.ready()}/v1/api-keys`, key)).toBe(200);
  again.signal('SIGTERM');
  expect(await again.exit).toBe(0);
}, 600_000);

async function statusOf(url: string, key: string): Promise<number> {
  return (await fetch(url, { headers: { authorization: `Bearer ${key}` } })).status;
}
