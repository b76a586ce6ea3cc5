import { parseArgs } from 'node:util';
import { type Row, rows, selectRows } from './rows.ts';

export interface BenchArguments {
  readonly rows: readonly Row[];
  readonly seconds: number;
  readonly rounds: number;
  readonly stored: number;
  readonly devices: number;
  readonly json?: string;
}

export const help = `npm run bench [-- rows…] [options]: our figures beside the raw limits and the peers, measured in turn

Rows (all when none is named; "consumer" means all that begin so)
${rows.map(({ name, title }) => `  ${name.padEnd(16)} ${title}`).join('\n')}

Options
  --seconds N   of one repetition (2)
  --rounds N    repetitions of each contender (3)
  --stored N    tasks stored before consumer-stored (100000)
  --devices N   devices of the rows devices-… (1000000, for which their goals are set)
  --json FILE   write all figures there too
  --help

Environment
  DATABASE_URL   a superuser's URL of a Postgres to use instead of starting one; databases bench_… come and go in it
  KAFKA_BROKERS  a Kafka to use instead of starting one; topics bench-… stay behind, and intake-batch and visible write detections.v1

It measures and never fails on a figure: the exit code is 0 unless something does not work. bench/README.md says how to read it.`;

/** Reads the command line: what to run, `help`, or what is wrong with it. */
export function readArguments(args: readonly string[]): BenchArguments | 'help' | { readonly problem: string } {
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse(args);
  } catch (error) {
    return { problem: (error as Error).message };
  }
  const { values, positionals } = parsed;
  if (values.help) return 'help';
  const selected = selectRows(positionals);
  if ('unknown' in selected) return { problem: `There is no row ${selected.unknown}.` };
  const numbers = {
    seconds: Number(values.seconds),
    rounds: Number(values.rounds),
    stored: Number(values.stored),
    devices: Number(values.devices),
  };
  for (const [name, value] of Object.entries(numbers)) {
    if (!(value > 0) || (name !== 'seconds' && !Number.isInteger(value))) {
      return { problem: `--${name} needs a number above 0.` };
    }
  }
  return { rows: selected, ...numbers, ...(values.json === undefined ? {} : { json: values.json }) };
}

function parse(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      seconds: { type: 'string', default: '2' },
      rounds: { type: 'string', default: '3' },
      stored: { type: 'string', default: '100000' },
      devices: { type: 'string', default: '1000000' },
      json: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
}
