import { Command } from 'commander';
import { IdentityDamaged } from './identity/identity.ts';
import { type RestoreOptions, restoreCommand } from './restore-command.ts';
import { AGENT_VERSION, EnrolmentRefused, runAgent } from './service/agent.ts';
import { AlreadyRunning } from './service/control-socket.ts';
import { type RawOptions, readOptions, UsageError } from './settings/command-line.ts';
import { type ReportOptions, reportCommand, type ScanOptions, scanCommand } from './user-commands.ts';

const log = (line: string) => process.stdout.write(`${new Date().toISOString()} ${line}\n`);
const collect = (value: string, before: readonly string[] = []) => [...before, value];

const program = new Command('quell-agent')
  .description(
    'The reference endpoint agent of Quell: scans, quarantines and restores files in the folders it is given.',
  )
  .version(AGENT_VERSION)
  .enablePositionalOptions()
  .option('--url <url>', 'base URL of Quell', process.env.QUELL_URL)
  .option('--token <token>', 'enrolment token; needed the first time', process.env.QUELL_ENROLMENT_TOKEN)
  .option('--root <dir>', 'folder to scan and clean; may be given several times', collect)
  .option('--state <dir>', 'where the agent keeps its key, journal and quarantine; outside every root')
  .option('--device-id <id>', "the device's printed or known ID")
  .option('--hostname <name>', "the endpoint's name, instead of the system's")
  .option('--hashes <file>', 'list of SHA-256 digests to find, one per line with a name; repeatable', collect)
  .option('--patterns <file>', 'byte patterns to find, `name: hex` per line; repeatable', collect)
  .option(
    '--choose <how>',
    "threats of a user's own scan: all, none, or a file of answers (default: <state>/answers.json)",
  )
  .option('--once', 'check in, do what is waiting, and end')
  .option('--wait <seconds>', 'how long the server may hold a check-in', '50')
  .option('--retry-base <seconds>', 'first ceiling of the random wait after a failure; doubles with each', '0.5')
  .option('--retry-cap <seconds>', 'highest ceiling of that wait', '30')
  .action((raw: RawOptions) => main(() => run(raw)));

program
  .command('restore')
  .description("put back what a task's mitigation quarantined on this endpoint; works without the server")
  .requiredOption('--task <id>', "the task's id")
  .option('--item <id>', 'only this backup; may be given several times', collect)
  .option('--state <dir>', "the agent's state folder (default: the one that has backups of the task)")
  .option('--root <dir>', "the agent's folders, when it is not running and used other ones before", collect)
  .option('--url <url>', 'base URL of Quell, when the state folder does not know it')
  .action((options: RestoreOptions) => main(() => restoreCommand(options, log)));

program
  .command('scan')
  .description("start a scan of this endpoint in its user's name; the running agent does it")
  .option('--path <path>', 'only this folder or file; may be given several times', collect)
  .option('--no-ask', 'resolve all that is found instead of asking the user which')
  .option('--state <dir>', "the agent's state folder")
  .option('--root <dir>', "the agent's first root, when its state folder is the default one", collect)
  .action((options: ScanOptions) => main(() => scanCommand(options, log)));

program
  .command('report')
  .description('report a file that looks like a threat; the running agent deals with it')
  .requiredOption('--name <name>', 'what it looks like')
  .option('--path <path>', 'where it is')
  .option('--sha256 <digest>', "its content's SHA-256")
  .option('--state <dir>', "the agent's state folder")
  .option('--root <dir>', "the agent's first root, when its state folder is the default one", collect)
  .action((options: ReportOptions) => main(async () => reportCommand(options, log)));

await program.parseAsync();

async function run(raw: RawOptions): Promise<number> {
  const options = readOptions(raw, log);
  const stopping = new AbortController();
  stopWithNpm(stopping);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      log(`${signal}: stopping; what is not done goes on at the next start`);
      stopping.abort();
      // A second signal ends the process at once: the journal is made for that.
      process.once(signal, () => process.exit(130));
    });
  }
  await runAgent(options, stopping.signal);
  return 0;
}

/** `npm run agent` that is ended passes the signal on to its shell alone: without this the agent would go on by itself. */
function stopWithNpm(stopping: AbortController): void {
  if (!process.env.npm_lifecycle_event) return;
  const shell = process.ppid;
  setInterval(() => process.ppid !== shell && stopping.abort(), 500).unref();
}

/** One line and a non-zero exit for what somebody can put right; a stack only for a defect. */
async function main(work: () => Promise<number>): Promise<void> {
  try {
    process.exitCode = await work();
  } catch (error) {
    const isExpected = [UsageError, EnrolmentRefused, AlreadyRunning, IdentityDamaged].some(
      (kind) => error instanceof kind,
    );
    process.stderr.write(`quell-agent: ${isExpected ? (error as Error).message : ((error as Error).stack ?? error)}\n`);
    process.exitCode = error instanceof UsageError ? 2 : 1;
  }
}
