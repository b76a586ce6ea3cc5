import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { EICAR_MAX_BYTES, EICAR_NAME, isEicarTestFile } from './eicar.ts';
import type { Rules } from './rules.ts';

/** What a file's content says: its digest and the name of what was found, if anything. */
export interface Examination {
  readonly sha256: string;
  readonly bytes: number;
  readonly hit?: string;
}

const CHUNK_BYTES = 256 * 1024;

/**
 * Reads a file once from its start, in memory that does not grow with the file. Every chunk keeps the tail of the one before it, so a
 * pattern across a boundary is found.
 *
 * @param onBytes told the bytes read so far, after each chunk
 * @throws the signal's reason when it is aborted; whatever reading throws
 */
export async function examine(
  handle: FileHandle,
  rules: Rules,
  signal?: AbortSignal,
  onBytes?: (bytes: number) => void,
): Promise<Examination> {
  const overlap = Math.max(0, ...rules.patterns.map(({ bytes }) => bytes.length - 1));
  const buffer = Buffer.allocUnsafe(overlap + CHUNK_BYTES);
  const hash = createHash('sha256');
  let kept = 0;
  let total = 0;
  let patternHit: string | undefined;
  let head = Buffer.alloc(0);
  for (;;) {
    signal?.throwIfAborted();
    const { bytesRead } = await handle.read(buffer, kept, CHUNK_BYTES, total);
    if (bytesRead === 0) break;
    hash.update(buffer.subarray(kept, kept + bytesRead));
    const window = buffer.subarray(0, kept + bytesRead);
    if (head.length <= EICAR_MAX_BYTES) head = Buffer.concat([head, window.subarray(kept, kept + EICAR_MAX_BYTES + 1)]);
    total += bytesRead;
    patternHit ??= rules.patterns.find(({ bytes }) => window.includes(bytes))?.name;
    const tail = Math.min(overlap, window.length);
    window.copy(buffer, 0, window.length - tail);
    kept = tail;
    onBytes?.(total);
  }
  const sha256 = hash.digest('hex');
  const hit = rules.hashes.get(sha256) ?? (isEicarTestFile(head) ? EICAR_NAME : patternHit);
  return { sha256, bytes: total, ...(hit === undefined ? {} : { hit }) };
}
