import type { Incoming } from './receive.ts';

/** Lines that are made durable together. */
export interface LineChunk {
  /** From 1, blank lines included, as an editor counts. */
  readonly fromLine: number;
  readonly toLine: number;
  readonly items: readonly Incoming[];
}

const NEWLINE = 0x0a;
const CHUNK_BYTES = 1024 * 1024;

/**
 * Splits NDJSON (application/x-ndjson) into chunks of at most `chunk` items. Lines end in LF or CRLF, the last one may lack it; blank
 * lines are skipped. A line that is no JSON, or longer than `lineBytes`, becomes an item with a fault; nothing longer is kept in memory.
 */
export async function* chunksOfLines(
  source: AsyncIterable<Buffer>,
  limits: { readonly chunk: number; readonly lineBytes: number },
): AsyncGenerator<LineChunk> {
  let items: Incoming[] = [];
  let index = 0;
  let line = 0;
  let fromLine = 1;
  let bytes = 0;
  const take = (text: string | undefined) => {
    line++;
    const item = text === undefined ? tooLong(limits.lineBytes) : incoming(text);
    if (item !== undefined) items.push({ index: index++, line, ...item });
    bytes += text?.length ?? 0;
  };
  const flush = (): LineChunk => {
    const chunk = { fromLine, toLine: line, items };
    items = [];
    bytes = 0;
    fromLine = line + 1;
    return chunk;
  };
  for await (const text of linesOf(source, limits.lineBytes)) {
    take(text);
    if (items.length >= limits.chunk || bytes >= CHUNK_BYTES) yield flush();
  }
  if (items.length > 0) yield flush();
}

function incoming(
  text: string,
): { value: unknown } | { fault: { type: 'invalid-request'; detail: string } } | undefined {
  const trimmed = text.trim();
  if (trimmed === '') return undefined;
  try {
    return { value: JSON.parse(trimmed) };
  } catch (error) {
    return { fault: { type: 'invalid-request', detail: `the line is not JSON: ${(error as Error).message}` } };
  }
}

function tooLong(lineBytes: number): { fault: { type: 'payload-too-large'; detail: string } } {
  return { fault: { type: 'payload-too-large', detail: `one line may have ${lineBytes} bytes` } };
}

/** Every line as text; `undefined` for one that is too long, whose bytes are dropped as they come. */
async function* linesOf(source: AsyncIterable<Buffer>, lineBytes: number): AsyncGenerator<string | undefined> {
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
    let start = 0;
    for (let end = buffer.indexOf(NEWLINE); end !== -1; end = buffer.indexOf(NEWLINE, start)) {
      add(buffer.subarray(start, end));
      yield line();
      start = end + 1;
    }
    if (start < buffer.length) add(buffer.subarray(start));
  }
  if (length > 0) yield line();
}
