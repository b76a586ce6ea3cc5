import { finished, type Readable } from 'node:stream';

/** What a caller may go on sending after its answer: enough for one that looks at answers only between two parts. */
const limitsAfterAnswer = { seconds: 5, bytes: 16 * 1024 * 1024 };

/**
 * Reads past what is left of a request's body, so that the answer reaches a caller who is still sending; one who goes on for too long loses
 * the connection.
 *
 * @param done called once when nothing more comes, whatever the reason
 */
export function readPast(body: Readable, done: () => void, limits = limitsAfterAnswer): void {
  const timer = setTimeout(() => body.destroy(), limits.seconds * 1000);
  let bytes = 0;
  const count = (part: Buffer) => {
    bytes += part.length;
    if (bytes > limits.bytes) body.destroy();
  };
  finished(body, { writable: false }, () => {
    clearTimeout(timer);
    done();
  });
  body.on('data', count).resume();
}
