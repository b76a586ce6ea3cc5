import { closeSync, openSync, readSync, renameSync, statSync } from 'node:fs';

/** The log of one process, seen from where this start of it began. */
export interface LogFile {
  readonly path: string;
  /** For the process to write to; `close` it once the process has it. */
  readonly fd: number;
  close(): void;
  /** The first megabyte written since this start. */
  head(): string;
  /** The last line written since this start, or `no output`. */
  lastLine(): string;
}

const keepBytes = 20_000_000;
const headBytes = 1_000_000;
const tailBytes = 16_000;

/** Opens a log (0600) for appending; one above 20 MB is set aside as `<path>.1` first. */
export function openLog(path: string): LogFile {
  if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) > keepBytes) renameSync(path, `${path}.1`);
  const fd = openSync(path, 'a', 0o600);
  const start = statSync(path).size;
  return {
    path,
    fd,
    close: () => closeSync(fd),
    head: () => read(path, start, headBytes),
    lastLine: () => {
      const text = read(path, Math.max(start, statSync(path).size - tailBytes), tailBytes);
      return text.trimEnd().split('\n').at(-1) || 'no output';
    },
  };
}

function read(path: string, from: number, atMost: number): string {
  const fd = openSync(path, 'r');
  try {
    const buffer = Buffer.alloc(Math.min(Math.max(statSync(path).size - from, 0), atMost));
    return buffer.toString('utf8', 0, readSync(fd, buffer, 0, buffer.length, from));
  } finally {
    closeSync(fd);
  }
}
