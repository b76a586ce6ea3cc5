/**
 * JSON that Postgres takes into `jsonb`, which knows no U+0000 and no half of a surrogate pair: U+FFFD stands in their place. Job kinds
 * tell of what files held, and one odd name must not end a job.
 */
export function storedJson(value: unknown): string {
  // Each escape is looked at whole, so that the backslash of one is not taken for the beginning of another.
  return JSON.stringify(value).replaceAll(/\\(?:u[0-9a-f]{4}|.)/g, (sequence) =>
    sequence === '\\u0000' || sequence.startsWith('\\ud') ? '\ufffd' : sequence,
  );
}
