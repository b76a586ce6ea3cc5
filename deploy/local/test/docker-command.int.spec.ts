import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { eventually } from '@quell/testing/eventually';
import { processesMentioning } from '@quell/testing/processes';
import { startContainer } from '../src/docker.ts';

// No engine is needed: in place of the docker command is one that writes down what it was given, and stays.
const { PATH = '' } = process.env;
let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'quell-docker-'));
  const script = `#!/bin/sh
[ "$1" = run ] || exit 0
printenv POSTGRES_PASSWORD > '${dir}/environment'
echo "$@" > '${dir}/arguments'
exec sleep 60
`;
  await writeFile(join(dir, 'docker'), script);
  await chmod(join(dir, 'docker'), 0o755);
  process.env.PATH = `${dir}${delimiter}${PATH}`;
});
afterEach(async () => {
  process.env.PATH = PATH;
  await rm(dir, { recursive: true, force: true });
});

test('the password of a container is in the environment of the docker command and in no command line', async () => {
  const secret = 'not-for-the-process-list';
  const { server } = await startContainer({
    image: 'an-image',
    volume: 'a-volume',
    dataPath: '/data',
    port: 5432,
    env: () => ({ POSTGRES_PASSWORD: secret }),
    command: [],
    logFile: join(dir, 'log'),
    stopSignal: 'SIGTERM',
    orphanSignal: 'SIGTERM',
  });
  try {
    const given = await eventually(async () => (await readFile(join(dir, 'arguments'), 'utf8')).trim());
    expect(given).toContain('--env POSTGRES_PASSWORD an-image');
    expect(given).not.toContain(secret);
    expect((await readFile(join(dir, 'environment'), 'utf8')).trim()).toBe(secret);
    expect(await processesMentioning(secret)).toEqual([]);
  } finally {
    await server.stop();
  }
});
