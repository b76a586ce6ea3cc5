import { type PassThrough, Readable } from 'node:stream';

/** The media types that mean a JSON value on each line. */
export const lineTypes = ['application/x-ndjson', 'application/ndjson', 'application/jsonl', 'application/x-jsonlines'];

const NEWLINE = 0x0a;

/**
 * The lines of a stream as text, those that arrive together in one list. Lines end in LF or CRLF (a CR is left on), the last one may lack
 * it. A line longer than `lineBytes` is `undefined`, and its bytes are dropped as they come: nothing longer is kept in memory.
 */
export async function* linesOf(
  source: AsyncIterable<Buffer>,
  lineBytes: number,
): AsyncGenerator<readonly (string | undefined)[]> {
  let rest: Buffer[] = [];
  let length = 0;
  const line = (): string | undefined => {
    // Decoded only when whole: a character may be cut in two by the network.
    const text = length > lineBytes ? undefined : Buffer.concat(rest).toString('utf8');
    rest = [];
    length = 0;
    return text;
  };
  const add = (part: Buffer) => {
    length += part.length;
    if (length > lineBytes) rest = [];
    else rest.push(part);
  };
  for await (const buffer of source) {
    const lines: (string | undefined)[] = [];
    let start = 0;
    for (let end = buffer.indexOf(NEWLINE); end !== -1; end = buffer.indexOf(NEWLINE, start)) {
      add(buffer.subarray(start, end));
      lines.push(line());
      start = end + 1;
    }
    if (start < buffer.length) add(buffer.subarray(start));
    if (lines.length > 0) yield lines;
  }
  if (length > 0) yield [line()];
}

/** How long the caller may leave a streamed answer unread before the connection is cut. */
const UNREAD_SECONDS = 60;

/** Writes text of a streamed answer and waits until the caller reads: what it does not take in must not pile up here. */
export async function writeOut(stream: PassThrough, text: string): Promise<void> {
  if (stream.write(text)) return;
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => stream.destroy(new Error('the answer was not read')), UNREAD_SECONDS * 1000);
    const settle = () => {
      clearTimeout(timer);
      stream.off('drain', drained).off('close', closed);
    };
    const drained = () => {
      settle();
      resolve();
    };
    const closed = () => {
      settle();
      reject(new Error('the answer was not read'));
    };
    stream.on('drain', drained).on('close', closed);
  });
}

/**
 * Text as a stream for an answer. When nobody asks for the next part for so long, it is destroyed: what makes the parts is ended
 * (`return`), and the connection with it.
 */
export function cutWhenUnread(parts: AsyncIterable<string>, unreadSeconds: number): Readable {
  const stream: Readable = Readable.from(watched(), { objectMode: false });
  async function* watched(): AsyncGenerator<string> {
    for await (const part of parts) {
      const cut = setTimeout(() => stream.destroy(new Error('the answer was not read')), unreadSeconds * 1000);
      try {
        yield part;
      } finally {
        clearTimeout(cut);
      }
    }
  }
  return stream;
}
