#!/usr/bin/env node
import { Command } from 'commander';
import { evalCommand } from './eval.ts';
import { finish } from './finish.ts';

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

await program.parseAsync();
