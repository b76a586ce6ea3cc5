import type { FilePlace } from '@quell/contracts/file-place';
import type { FileRefusal } from '@quell/contracts/vpn-formats';

/** Ends the reading of a file from any depth. Only thrown and caught within the readers: callers get the value. */
export class Refusal extends Error {
  readonly refusal: FileRefusal;

  /** @param text never a value of the file: it may be a secret. */
  constructor(reason: FileRefusal['reason'], text: string, at: FilePlace | null) {
    super(text);
    this.refusal = { result: 'refused', reason, text, at };
  }
}

/** What `read` gives, or why it was refused. */
export function refusing<T>(read: () => T): T | FileRefusal {
  try {
    return read();
  } catch (error) {
    if (error instanceof Refusal) return error.refusal;
    throw error;
  }
}

/** What is read of a file before it is refused. */
export const FILE_LIMITS = { bytes: 2 * 2 ** 20, depth: 64, nodes: 100_000, characters: 8 * 2 ** 20 };

export function tooLarge(what: keyof typeof FILE_LIMITS, at: FilePlace | null): Refusal {
  const text = {
    bytes: `larger than ${FILE_LIMITS.bytes} bytes`,
    depth: `nested deeper than ${FILE_LIMITS.depth} levels`,
    nodes: `more than ${FILE_LIMITS.nodes} values`,
    characters: `more than ${FILE_LIMITS.characters} characters of text`,
  }[what];
  return new Refusal('too-large', text, at);
}
