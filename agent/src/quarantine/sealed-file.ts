import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';

/**
 * A sealed file: `QLQ1`, 12 bytes nonce, AES-256-GCM cipher text, 16 bytes tag. The backup's id is authenticated with it, so that one
 * backup cannot be passed off as another.
 */
const MAGIC = Buffer.from('QLQ1');
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const HEAD_BYTES = MAGIC.length + NONCE_BYTES;
const CHUNK_BYTES = 256 * 1024;

/** AES-GCM encrypts at most 2³⁹−256 bits (64 GiB) under one nonce (NIST SP 800-38D, 5.2.1.1). */
export const MAX_SEALED_BYTES = 2 ** 36 - 32;

/** The sealed file was cut short, altered, or belongs to another backup or key. */
export class SealBroken extends Error {
  constructor(detail: string) {
    super(detail);
    this.name = 'SealBroken';
  }
}

/** Writing to the sink failed (full, read-only, broken), as opposed to reading the source. */
export class SinkFailed extends Error {
  constructor(cause: Error) {
    super(cause.message, { cause });
    this.name = 'SinkFailed';
  }
}

/** Encrypts all of `source` into the empty `sink`. Returns the SHA-256 of the plain content, read in this one pass. */
export async function seal(
  source: FileHandle,
  sink: FileHandle,
  key: Buffer,
  backupId: string,
  signal?: AbortSignal,
): Promise<{ sha256: string; bytes: number }> {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(backupId));
  const hash = createHash('sha256');
  const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  let read = 0;
  let written = await writeAll(sink, Buffer.concat([MAGIC, nonce]), 0);
  for (;;) {
    signal?.throwIfAborted();
    const { bytesRead } = await source.read(buffer, 0, CHUNK_BYTES, read);
    if (bytesRead === 0) break;
    const chunk = buffer.subarray(0, bytesRead);
    hash.update(chunk);
    read += bytesRead;
    written = await writeAll(sink, cipher.update(chunk), written);
  }
  await writeAll(sink, Buffer.concat([cipher.final(), cipher.getAuthTag()]), written);
  return { sha256: hash.digest('hex'), bytes: read };
}

/**
 * Decrypts a sealed file into `sink`, or only checks it when there is none. What reaches the sink counts as nothing until this returns.
 *
 * @throws SealBroken when it is not what was sealed under this key and id
 */
export async function unseal(
  sealed: FileHandle,
  key: Buffer,
  backupId: string,
  sink?: FileHandle,
): Promise<{ sha256: string; bytes: number }> {
  const { size } = await sealed.stat();
  if (size < HEAD_BYTES + TAG_BYTES) throw new SealBroken('the sealed file is cut short');
  const head = await readAll(sealed, HEAD_BYTES, 0);
  if (!head.subarray(0, MAGIC.length).equals(MAGIC)) throw new SealBroken('this is not a sealed file');
  const decipher = createDecipheriv('aes-256-gcm', key, head.subarray(MAGIC.length), { authTagLength: TAG_BYTES })
    .setAAD(Buffer.from(backupId))
    .setAuthTag(await readAll(sealed, TAG_BYTES, size - TAG_BYTES));
  const hash = createHash('sha256');
  const end = size - TAG_BYTES;
  let written = 0;
  for (let position = HEAD_BYTES; position < end; ) {
    const chunk = await readAll(sealed, Math.min(CHUNK_BYTES, end - position), position);
    position += chunk.length;
    const plain = decipher.update(chunk);
    hash.update(plain);
    written = sink === undefined ? written + plain.length : await writeAll(sink, plain, written);
  }
  try {
    decipher.final();
  } catch (error) {
    throw new SealBroken(`the sealed file does not authenticate: ${(error as Error).message}`);
  }
  return { sha256: hash.digest('hex'), bytes: written };
}

async function writeAll(sink: FileHandle, bytes: Buffer, position: number): Promise<number> {
  let done = 0;
  try {
    while (done < bytes.length) {
      done += (await sink.write(bytes, done, bytes.length - done, position + done)).bytesWritten;
    }
  } catch (error) {
    throw new SinkFailed(error as Error);
  }
  return position + done;
}

async function readAll(source: FileHandle, length: number, position: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await source.read(buffer, done, length - done, position + done);
    if (bytesRead === 0) throw new SealBroken('the sealed file ended early');
    done += bytesRead;
  }
  return buffer;
}
