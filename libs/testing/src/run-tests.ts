/**
 * `npm test`: runs jest on all tests or one kind (`--kind unit|int|e2e`), passes every other argument on to it, and prints
 * `N passed, N failed` as its last line. Exit code 1 when something failed or nothing ran.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { kafkaJars } from '@quell/local/kafka-jars';
import { tally } from './tally.ts';
import { hasContainerRuntime } from './test-servers.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const kinds = ['unit', 'int', 'e2e'];

const { values, tokens } = parseArgs({ options: { kind: { type: 'string' } }, strict: false, tokens: true });
const kind = values.kind;
if (kind !== undefined && !kinds.includes(String(kind))) {
  console.error(`--kind ${kind}: one of ${kinds.join(', ')}`);
  process.exit(2);
}
const kindIndexes = tokens.flatMap((token) =>
  token.kind === 'option' && token.name === 'kind'
    ? [token.index, token.inlineValue ? token.index : token.index + 1]
    : [],
);
const jestArgs = process.argv.slice(2).filter((_, index) => !kindIndexes.includes(index));

if (kind !== 'unit' && !(await hasContainerRuntime())) {
  let told = 0;
  const progress = (files: number) => {
    if (files < told + 50) return;
    told = files;
    console.log(`Kafka for the tests: ${files} files fetched through Maven`);
  };
  await kafkaJars(progress).catch((error: Error) => console.error(`Tests with Kafka will fail: ${error.message}`));
}

const reportDir = await mkdtemp(join(tmpdir(), 'quell-report-'));
const report = join(reportDir, 'jest.json');
const jest = spawn(
  process.execPath,
  [
    '--experimental-vm-modules',
    '--disable-warning=ExperimentalWarning',
    createRequire(import.meta.url).resolve('jest/bin/jest'),
    '--json',
    `--outputFile=${report}`,
    ...jestArgs,
    // Last: it takes every word that follows.
    ...(kind ? ['--testMatch', `**/*.${kind}.spec.ts`] : []),
  ],
  // With --json jest writes for people to stderr and the JSON to its file.
  { cwd: root, stdio: ['inherit', 'ignore', 'inherit'] },
);
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => jest.kill(signal));
const exitCode = await new Promise<number>((resolve) => jest.once('close', (code) => resolve(code ?? 1)));
const result = tally(await readFile(report, 'utf8').catch(() => undefined));
await rm(reportDir, { recursive: true, force: true });

if (result.skipped > 0) console.log(`${result.skipped} skipped`);
console.log(`${result.passed} passed, ${result.failed} failed`);
process.exitCode = exitCode !== 0 || result.failed > 0 || result.passed === 0 ? 1 : 0;
