import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { cleanUp, quellLauncher, startLauncher, temporaryDataDir } from './launcher-process.ts';

const demo = fileURLToPath(new URL('../src/demo.ts', import.meta.url));

afterAll(cleanUp);

test('the try-out of the README works on a fresh stack: detected, quarantined, rolled back', async () => {
  const dataDir = await temporaryDataDir();
  const launcher = startLauncher({ QUELL_DATA_DIR: dataDir }, quellLauncher);
  const url = await launcher.ready();
  const { code, output } = await run([demo, '--url', url], { QUELL_DATA_DIR: dataDir });
  expect(output).toContain('works on it: "Mitigation in progress"');
  expect(output).toContain('"Resolved threats: All threats resolved"');
  expect(output).toContain('gone from its place');
  expect(output).toContain('Rolled back: "Rollback successful"; the file is back, byte for byte');
  expect(code).toBe(0);
}, 400_000);

test('the demo says what to do when nothing runs', async () => {
  const { code, output } = await run([demo, '--url', 'http://127.0.0.1:1', '--key', 'none'], {});
  expect(code).toBe(1);
  expect(output).toContain('npm start');
});

async function run(
  args: readonly string[],
  env: Record<string, string>,
): Promise<{ code: number | null; output: string }> {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk;
    });
  }
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, output };
}
