#!/usr/bin/env node
import { Command } from 'commander';
import { convertListsCommand } from './convert-lists.ts';
import { diffCommand } from './diff.ts';
import { evalCommand } from './eval.ts';
import { finish } from './finish.ts';
import { lintCommand } from './lint.ts';
import { simulateCommand } from './simulate.ts';

const DIALECT =
  'apple-mdm, apple-ne, apple-legacy, cisco-anyconnect or globalprotect, whatever the file says; without it what the file says, else apple-mdm';

const program = new Command('quell')
  .description('Quell from the command line; needs no server.')
  // 1 is what findings and differences end with: a script has to tell them from its own mistake.
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2));
const vpn = program
  .command('vpn')
  .description('VPN on-demand policies: what the vendors’ own clients would do, and why');

vpn
  .command('eval')
  .description('decide a request of POST /v1/vpn/evaluate; exit code 0 decided, 3 an input is missing, 2 not a request')
  .argument('[file]', 'the request as JSON; without it, or with -, from stdin')
  .option('--dialect <name>', 'read the policy by this dialect, whatever the request says')
  .option('--json', 'the whole answer instead of a summary')
  .action((file: string | undefined, options) => finish(() => evalCommand(file, options)));

vpn
  .command('lint')
  .description(
    'what is wrong, dead or surprising in a policy; exit code 0 nothing but remarks, 1 findings, 3 some undecided, 2 no JSON',
  )
  .argument(
    '[file]',
    'a VPN dictionary or a payload with one, an AnyConnect profile or a GlobalProtect configuration, as JSON; without it, or with -, from stdin',
  )
  .option('--dialect <name>', DIALECT)
  .option('--json', 'everything, with witnesses and patches')
  .action((file: string | undefined, options) => finish(() => lintCommand(file, options)));

vpn
  .command('diff')
  .description(
    'where two policies, or an Apple policy under two dialects, differ; exit code 0 equal, 1 different, 3 undecided, 2 no policy',
  )
  .argument('<left>', 'a VPN dictionary, an AnyConnect profile or a GlobalProtect configuration, as JSON; - is stdin')
  .argument('[right]', 'the other one; without it, the same under --against')
  .option('--dialect <name>', `of both: ${DIALECT}`)
  .option('--against <name>', 'the Apple dialect of the second')
  .option('--json', 'everything')
  .action((left: string, right: string | undefined, options) => finish(() => diffCommand(left, right, options)));

vpn
  .command('import')
  .description(
    'what a .mobileconfig or an AnyConnect profile says, without its secrets; exit code 0 nothing but remarks, 1 findings, 2 refused',
  )
  .argument('[file]', 'XML or binary, signed or not; without it, or with -, from stdin')
  .option('--dialect <name>', 'of the findings: apple-mdm, apple-ne or apple-legacy', 'apple-mdm')
  .option('--json', 'everything, as export takes it')
  .action((file: string | undefined, options) =>
    // Signatures need libraries that no other command should wait for.
    finish(async () => (await import('./import.ts')).importCommand(file, options)),
  );

vpn
  .command('export')
  .description('a policy as a file for its target, to stdout; exit code 0 written, 1 it cannot be, 2 no policy')
  .argument('[file]', 'policies as JSON, or what import --json printed; without it, or with -, from stdin')
  .requiredOption(
    '--target <name>',
    'apple (.mobileconfig), intune (rules for Microsoft Graph) or cisco (AnyConnect profile)',
  )
  .option('--name <text>', 'of the profile, as the user sees it')
  .option('--identifier <id>', 'of the profile, such as org.example.vpn: one with the same is replaced')
  .option('--vpn-type <type>', 'of policies that are no whole payload: VPN, IPSec, IKEv2 or TransparentProxy')
  .option('--binary', 'a binary .mobileconfig')
  .option('--accept <rule...>', 'rules of lint whose errors do not refuse it')
  .action((file: string | undefined, options) =>
    finish(async () => (await import('./export.ts')).exportCommand(file, options)),
  );

vpn
  .command('convert-lists')
  .description(
    'the lists from before iOS 7 as rules, or rules as lists; exit code 0 both do the same, 1 not quite, 3 undecided, 2 it cannot be',
  )
  .argument('[file]', 'a VPN dictionary or a payload with one, as JSON; without it, or with -, from stdin')
  .option('--to <form>', 'rules or lists', 'rules')
  .option('--dialect <name>', 'apple-mdm, apple-ne or apple-legacy, whatever the file says; else what it says')
  .option('--json', 'the policy together with what differs')
  .action((file: string | undefined, options) => finish(() => convertListsCommand(file, options)));

vpn
  .command('simulate')
  .description(
    'what a policy decides in many contexts, and where another decides otherwise; exit code 0 nothing changes, 1 something does, 3 a context does not fit, 2 no policy',
  )
  .argument('<policy>', 'a policy as JSON: as for lint, or the body or content of a stored one')
  .argument('<contexts>', 'a context a line, as JSON; - is stdin')
  .option('--dialect <name>', `of both: ${DIALECT}`)
  .option('--against <policy>', 'the policy that it is compared with')
  .option('--json', 'everything')
  .action((policy: string, contexts: string, options) => finish(() => simulateCommand(policy, contexts, options)));

await program.parseAsync();
