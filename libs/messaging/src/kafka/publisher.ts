import type { Message } from 'kafkajs';
import type { OutgoingMessage } from '../broker.ts';
import { BrokerBusy, PublishFailed } from '../broker-errors.ts';
import type { Client } from './client.ts';
import { Delivery, type DeliveryLimits, type Job } from './delivery.ts';

export interface PublisherOptions extends DeliveryLimits {
  /** Above it `publish` refuses with `BrokerBusy`. */
  readonly maxPendingBytes: number;
}

/** What a record costs beside its key, value and headers. */
const recordOverheadBytes = 64;
const headerOverheadBytes = 8;

/** Turns many concurrent publishes into few large requests, in order per key. */
export class Publisher {
  readonly #options: PublisherOptions;
  readonly #delivery: Delivery;
  #messages = 0;
  #bytes = 0;
  #closed = false;
  #drained: (() => void) | undefined;
  #trouble: { message: string; atMs: number } | undefined;

  constructor(createClient: () => Client, options: PublisherOptions) {
    this.#options = options;
    this.#delivery = new Delivery(createClient, options);
  }

  get load(): { messages: number; bytes: number } {
    return { messages: this.#messages, bytes: this.#bytes };
  }

  /**
   * Why the last publish failed for a reason that lies with the broker. Forgotten after `publishTimeoutSeconds`: who
   * sends no traffic to what is not ready would never learn that it is well again.
   */
  get trouble(): string | undefined {
    const fresh = this.#trouble && performance.now() - this.#trouble.atMs < this.#options.publishTimeoutSeconds * 1000;
    return fresh ? this.#trouble?.message : undefined;
  }

  publish(topic: string, outgoing: readonly OutgoingMessage[]): Promise<void> {
    if (outgoing.length === 0) return Promise.resolve();
    if (this.#closed) return Promise.reject(new PublishFailed('the broker connection was closed', { transient: true }));
    const sizes = outgoing.map(sizeOf);
    const bytes = sizes.reduce((sum, size) => sum + size, 0);
    const { maxBatchBytes, maxPendingBytes, publishTimeoutSeconds } = this.#options;
    const oversized = sizes.findIndex((size) => size > maxBatchBytes);
    if (oversized !== -1) {
      const size = `message ${oversized} for ${topic} has ${sizes[oversized]} bytes, the limit is ${maxBatchBytes}`;
      return Promise.reject(new PublishFailed(size, { transient: false }));
    }
    if (this.#bytes > 0 && this.#bytes + bytes > maxPendingBytes) {
      return Promise.reject(new BrokerBusy(`${this.#messages} messages wait for the broker already`));
    }
    this.#messages += outgoing.length;
    this.#bytes += bytes;
    return new Promise((resolve, reject) => {
      const job = new PublishJob(outgoing.length, publishTimeoutSeconds, (error) => {
        this.#messages -= outgoing.length;
        this.#bytes -= bytes;
        if (this.#messages === 0) this.#drained?.();
        if (error === undefined) {
          this.#trouble = undefined;
          resolve();
        } else {
          if (error.transient) this.#trouble = { message: error.message, atMs: performance.now() };
          reject(error);
        }
      });
      for (const [index, message] of outgoing.entries()) {
        this.#delivery.push({ topic, message: toKafka(message), bytes: sizes[index] ?? 0, job });
      }
    });
  }

  /** Waits for what is on its way, at most `publishTimeoutSeconds`. */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#messages > 0) {
      // Each publish has its own deadline, so this ends.
      await new Promise<void>((resolve) => {
        this.#drained = resolve;
      });
    }
    await this.#delivery.close();
  }
}

class PublishJob implements Job {
  settled = false;
  #missing: number;
  #obstacle = '';
  readonly #timer: NodeJS.Timeout;
  readonly #settle: (error?: PublishFailed) => void;

  constructor(messages: number, timeoutSeconds: number, settle: (error?: PublishFailed) => void) {
    this.#missing = messages;
    this.#settle = settle;
    this.#timer = setTimeout(() => {
      const text = `no acknowledgement of ${this.#missing} of ${messages} messages within ${timeoutSeconds} s${this.#obstacle}`;
      this.failed(new PublishFailed(text, { transient: true }));
    }, timeoutSeconds * 1000);
  }

  delayedBy(obstacle: string): void {
    this.#obstacle = `: ${obstacle}`;
  }

  arrived(): void {
    if (--this.#missing === 0) this.#finish();
  }

  failed(error: PublishFailed): void {
    this.#finish(error);
  }

  #finish(error?: PublishFailed): void {
    if (this.settled) return;
    this.settled = true;
    clearTimeout(this.#timer);
    this.#settle(error);
  }
}

function toKafka({ key, value, headers }: OutgoingMessage): Message {
  return headers === undefined ? { key, value } : { key, value, headers };
}

function sizeOf({ key, value, headers }: OutgoingMessage): number {
  let size = recordOverheadBytes + (key === null ? 0 : Buffer.byteLength(key));
  if (value !== null) size += typeof value === 'string' ? Buffer.byteLength(value) : value.length;
  for (const name in headers)
    size += headerOverheadBytes + Buffer.byteLength(name) + Buffer.byteLength(headers[name] ?? '');
  return size;
}
