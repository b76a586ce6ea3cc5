import type { ServerResponse } from 'node:http';

/** One answer of server-sent events (HTML, section 9.2). Ends itself rather than hold what its client does not read. */
export class EventStream {
  readonly #response: ServerResponse;
  readonly #maxBytes: number;

  /** @param maxBytes what may wait to be sent; with more the client is too slow and is cut off: it resumes by its last id */
  constructor(response: ServerResponse, maxBytes: number) {
    this.#response = response;
    this.#maxBytes = maxBytes;
  }

  begin(headers: Readonly<Record<string, string>>): void {
    this.#response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      // nginx and others would hold the events back until a buffer is full.
      'x-accel-buffering': 'no',
      ...headers,
    });
    this.#response.flushHeaders();
  }

  /** @param data without line breaks, as JSON.stringify writes it */
  send(name: string, id: string, data: string): void {
    this.#write(`id: ${id}\nevent: ${name}\ndata: ${data}\n\n`);
  }

  /** A comment that keeps the connection in use, and an id without an event: the client resumes from there. */
  beat(id: string | undefined): void {
    this.#write(id === undefined ? ': alive\n\n' : `: alive\nid: ${id}\n\n`);
  }

  get open(): boolean {
    return !this.#response.writableEnded && !this.#response.destroyed;
  }

  /** Resolves when what was written has been taken, or the client is gone. */
  async drained(): Promise<void> {
    if (!this.open || !this.#response.writableNeedDrain) return;
    await new Promise<void>((resolve) => {
      const done = () => {
        this.#response.off('drain', done).off('close', done);
        resolve();
      };
      this.#response.on('drain', done).on('close', done);
    });
  }

  /** @param closed called when the client is gone, at once when it is gone already */
  onClose(closed: () => void): void {
    if (this.#response.closed) closed();
    else this.#response.once('close', closed);
  }

  end(): void {
    this.#response.end();
  }

  cut(): void {
    this.#response.destroy();
  }

  #write(text: string): void {
    if (!this.open) return;
    this.#response.write(text);
    if (this.#response.writableLength > this.#maxBytes) this.cut();
  }
}
