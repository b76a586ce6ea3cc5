#!/usr/bin/env node
import { Command } from 'commander';
import { diffCommand } from './diff.ts';
import { evalCommand } from './eval.ts';
import { finish } from './finish.ts';
import { lintCommand } from './lint.ts';

const program = new Command('quell').description('Quell from the command line; needs no server.');
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
    'what is wrong, dead or surprising about an Apple policy; exit code 0 nothing but remarks, 1 findings, 2 no JSON',
  )
  .argument('[file]', 'a VPN dictionary or a payload with one, as JSON; without it, or with -, from stdin')
  .option('--dialect <name>', 'apple-mdm, apple-ne or apple-legacy', 'apple-mdm')
  .option('--json', 'everything, with witnesses and patches')
  .action((file: string | undefined, options) => finish(() => lintCommand(file, options)));

vpn
  .command('diff')
  .description(
    'where two policies, or an Apple policy under two dialects, differ; exit code 0 equal, 1 different, 3 undecided, 2 no policy',
  )
  .argument('<left>', 'a VPN dictionary, an AnyConnect profile or a GlobalProtect configuration, as JSON; - is stdin')
  .argument('[right]', 'the other one; without it, the same under --against')
  .option(
    '--dialect <name>',
    'of both: apple-mdm, apple-ne, apple-legacy, cisco-anyconnect or globalprotect',
    'apple-mdm',
  )
  .option('--against <name>', 'the Apple dialect of the second')
  .option('--json', 'everything')
  .action((left: string, right: string | undefined, options) => finish(() => diffCommand(left, right, options)));

await program.parseAsync();
