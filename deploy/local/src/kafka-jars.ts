import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { StartError } from './start-error.ts';
import { type SystemLock, trySystemLock } from './system-lock.ts';

const run = promisify(execFile);
const kafkaDir = fileURLToPath(new URL('../../kafka', import.meta.url));

/** The broker's log configuration beside its `pom.xml`. */
export const kafkaLogConfig = join(kafkaDir, 'log4j2.properties');

/**
 * The directory with the broker's jars, fetched through Maven when this `pom.xml` is new here; all data directories share it.
 * Starts at the same time are safe: one fetches while the others wait, and a directory gets its name only when complete.
 *
 * @param onProgress told how many files have come so far (there are about 340 with an empty Maven cache).
 * @param projectDir holds the `pom.xml`; default `deploy/kafka`.
 * @throws StartError when Maven is missing or fails.
 */
export async function kafkaJars(onProgress?: (files: number) => void, projectDir = kafkaDir): Promise<string> {
  const pom = await readFile(join(projectDir, 'pom.xml'));
  const jars = join(projectDir, 'target', `jars-${createHash('sha256').update(pom).digest('hex').slice(0, 12)}`);
  if (await exists(jars)) return jars;
  await mkdir(join(projectDir, 'target'), { recursive: true });

  const lock = await turn(`${jars}.lock`);
  const unfinished = `${jars}.new-${randomBytes(4).toString('hex')}`;
  try {
    if (await exists(jars)) return jars;
    await fetchJars(projectDir, unfinished, onProgress);
    await rename(unfinished, jars).catch(async (error) => {
      if (!(await exists(jars))) throw error;
    });
    return jars;
  } finally {
    await rm(unfinished, { recursive: true, force: true });
    lock.release();
  }
}

/**
 * The `java` to run the broker with: of `JAVA_HOME`, else of the path.
 *
 * @throws StartError when there is none or it is older than 17.
 */
export async function java17(): Promise<string> {
  const java = process.env.JAVA_HOME ? join(process.env.JAVA_HOME, 'bin', 'java') : 'java';
  const cure = 'Install Java 17 or newer and Maven, start a Docker engine, or set KAFKA_BROKERS.';
  const version = await run(java, ['-version'], { env: process.env }).catch(() => undefined);
  if (!version) throw new StartError(`Kafka needs Java, and ${java} does not run. ${cure}`);
  const major = Number(/version "(?:1\.)?(\d+)/.exec(version.stderr)?.[1]);
  if (!(major >= 17)) throw new StartError(`Kafka needs Java 17 or newer, and ${java} is version ${major}. ${cure}`);
  return java;
}

async function fetchJars(projectDir: string, into: string, onProgress?: (files: number) => void): Promise<void> {
  const args = ['-B', '-f', join(projectDir, 'pom.xml'), 'dependency:copy-dependencies', '-DincludeScope=runtime'];
  const maven = spawn('mvn', [...args, `-DoutputDirectory=${into}`], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: process.env,
  });
  const endWithUs = () => maven.kill();
  process.once('exit', endWithUs);
  try {
    const { code, output } = await finished(maven, onProgress);
    if (code === 0) return;
    const lines = output.trimEnd().split('\n');
    const reason = lines.find((line) => line.startsWith('[ERROR]'))?.slice('[ERROR] '.length) ?? lines.at(-1);
    throw new StartError(
      `Fetching Kafka through Maven failed: ${reason}. Check that Maven reaches a repository, or set KAFKA_BROKERS.`,
    );
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new StartError(
      'Kafka is fetched through Maven, and mvn does not run. Install Maven, start a Docker engine, or set KAFKA_BROKERS.',
    );
  } finally {
    process.off('exit', endWithUs);
  }
}

function finished(
  maven: ChildProcess,
  onProgress?: (files: number) => void,
): Promise<{ code: number; output: string }> {
  return new Promise((resolve, reject) => {
    let output = '';
    let files = 0;
    const read = (chunk: Buffer) => {
      output = (output + chunk).slice(-100_000);
      const came = chunk.toString().split('Downloaded from').length - 1;
      files += came;
      if (came > 0) onProgress?.(files);
    };
    maven.stdout?.on('data', read);
    maven.stderr?.on('data', read);
    maven.once('error', reject);
    maven.once('close', (code) => resolve({ code: code ?? 1, output }));
  });
}

/** Waits until nobody else fetches. */
async function turn(lockFile: string): Promise<SystemLock> {
  for (;;) {
    const lock = await trySystemLock(lockFile);
    if (lock !== undefined) return lock;
    await delay(200);
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
