import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { java17, kafkaJars } from './kafka-jars.ts';

let dir: string;
const { PATH, JAVA_HOME } = process.env;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'quell-jars-'));
  await writeFile(join(dir, 'pom.xml'), '<project/>');
});
afterEach(async () => {
  process.env.PATH = PATH;
  if (JAVA_HOME === undefined) delete process.env.JAVA_HOME;
  else process.env.JAVA_HOME = JAVA_HOME;
  await rm(dir, { recursive: true, force: true });
});

/** A program of that name, first on the path. */
async function program(name: string, script: string): Promise<void> {
  await writeFile(join(dir, name), `#!/bin/sh\n${script}\n`);
  await chmod(join(dir, name), 0o755);
  process.env.PATH = `${dir}:${PATH}`;
}

const slowMaven = `
echo run >> "${'$'}(dirname "$0")/runs"
for a in "$@"; do case "$a" in -DoutputDirectory=*) out="${'$'}{a#*=}";; esac; done
mkdir -p "$out"; echo "Downloaded from here: one"; sleep 1; touch "$out/kafka.jar"`;

test('two starts at the same time fetch once and see all files', async () => {
  await program('mvn', slowMaven);
  const [one, two] = await Promise.all([kafkaJars(undefined, dir), kafkaJars(undefined, dir)]);
  expect(one).toBe(two);
  expect(await readdir(one)).toEqual(['kafka.jar']);
  expect((await readFile(join(dir, 'runs'), 'utf8')).trim()).toBe('run');
  expect((await readdir(join(dir, 'target'))).filter((name) => !name.endsWith('.lock'))).toHaveLength(1);
});

test('the turn of a start that was killed is taken over', async () => {
  await program('mvn', slowMaven);
  const jars = await kafkaJars(undefined, dir);
  await rm(jars, { recursive: true });
  // The lock's file stays when its holder is killed; the lock does not.
  await writeFile(`${jars}.lock`, '');
  expect(await kafkaJars(undefined, dir)).toBe(jars);
});

test('progress counts the files that came', async () => {
  await program('mvn', slowMaven);
  const counts: number[] = [];
  await kafkaJars((files) => counts.push(files), dir);
  expect(counts).toEqual([1]);
});

test('a failing Maven is told with its first error and leaves nothing half made', async () => {
  await program('mvn', 'echo "[INFO] trying"; echo "[ERROR] no route to repository"; exit 1');
  await expect(kafkaJars(undefined, dir)).rejects.toThrow('no route to repository');
  expect((await readdir(join(dir, 'target'))).filter((name) => !name.endsWith('.lock'))).toEqual([]);
});

test('a missing Maven is told with the cure', async () => {
  process.env.PATH = dir;
  await expect(kafkaJars(undefined, dir)).rejects.toThrow('mvn does not run. Install Maven');
});

test('a Java older than 17 is told with the cure', async () => {
  delete process.env.JAVA_HOME;
  await program('java', 'echo \'openjdk version "11.0.2" 2019-01-15\' >&2');
  await expect(java17()).rejects.toThrow('java is version 11. Install Java 17');
  await program('java', 'echo \'java version "1.8.0_292"\' >&2');
  await expect(java17()).rejects.toThrow('java is version 8.');
  await program('java', 'echo \'openjdk version "21-ea" 2023-09-19\' >&2');
  await expect(java17()).resolves.toBe('java');
});
