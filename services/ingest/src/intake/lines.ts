import { linesOf } from '@quell/service-kit/lines';
import type { Incoming } from './receive.ts';

/** Lines that are made durable together. */
export interface LineChunk {
  /** From 1, blank lines included, as an editor counts. */
  readonly fromLine: number;
  readonly toLine: number;
  readonly items: readonly Incoming[];
}

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
  for await (const texts of linesOf(source, limits.lineBytes)) {
    for (const text of texts) {
      take(text);
      if (items.length >= limits.chunk || bytes >= CHUNK_BYTES) yield flush();
    }
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
