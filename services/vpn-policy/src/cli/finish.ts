import { readFileSync } from 'node:fs';
import { z } from 'zod';

/** The caller's own mistake: shown without a stack, exit code 2. */
export class UsageError extends Error {}

/** `text` or, as it is, `file` for stdout; `remarks` for stderr. */
export type Printed = { readonly exitCode: number; readonly remarks?: readonly string[] } & (
  | { readonly text: string }
  | { readonly file: Uint8Array }
);

/** Prints what a command gives and leaves with its exit code; a mistake in the input is 2. */
export async function finish(command: () => Printed | Promise<Printed>): Promise<void> {
  try {
    const printed = await command();
    for (const remark of printed.remarks ?? []) process.stderr.write(`quell: ${remark}\n`);
    process.stdout.write('file' in printed ? printed.file : `${printed.text}\n`);
    process.exitCode = printed.exitCode;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`quell: ${error.message}\n`);
    process.exitCode = 2;
  }
}

/** The bytes of a file, or of stdin without a file or for `-`. */
export function readBytes(file: string | undefined): Uint8Array {
  const name = file === undefined || file === '-' ? 'stdin' : file;
  try {
    return readFileSync(name === 'stdin' ? 0 : name);
  } catch (error) {
    throw new UsageError(`cannot read ${name}: ${(error as Error).message}`);
  }
}

/** JSON from a file, or from stdin without a file or for `-`. */
export function readJson(file: string | undefined): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(readBytes(file)));
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`${file ?? 'stdin'} is not JSON: ${(error as Error).message}`);
  }
}

/** `value` by a schema. Throws {@link UsageError} that names each wrong place. */
export function parsed<S extends z.ZodType>(schema: S, value: unknown, what: string): z.output<S> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new UsageError(`${what} cannot be read\n${z.prettifyError(result.error)}`);
}
