import { readFileSync } from 'node:fs';
import { z } from 'zod';

/** The caller's own mistake: shown without a stack, exit code 2. */
export class UsageError extends Error {}

export type Printed = { readonly text: string; readonly exitCode: number };

/** Prints what a command gives and leaves with its exit code; a mistake in the input is 2. */
export function finish(command: () => Printed): void {
  try {
    const { text, exitCode } = command();
    process.stdout.write(`${text}\n`);
    process.exitCode = exitCode;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`quell: ${error.message}\n`);
    process.exitCode = 2;
  }
}

/** JSON from a file, or from stdin without a file or for `-`. */
export function readJson(file: string | undefined): unknown {
  const name = file === undefined || file === '-' ? 'stdin' : file;
  let text: string;
  try {
    text = readFileSync(name === 'stdin' ? 0 : name, 'utf8');
  } catch (error) {
    throw new UsageError(`cannot read ${name}: ${(error as Error).message}`);
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UsageError(`${name} is not JSON: ${(error as Error).message}`);
  }
}

/** `value` by a schema. Throws {@link UsageError} that names each wrong place. */
export function parsed<S extends z.ZodType>(schema: S, value: unknown, what: string): z.output<S> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new UsageError(`${what} cannot be read\n${z.prettifyError(result.error)}`);
}
