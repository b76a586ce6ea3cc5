/** Thrown by `publish` when the messages were not acknowledged. */
export class PublishFailed extends Error {
  override readonly name = 'PublishFailed';
  /** True: the broker was away or slow, it is unknown whether the messages are there, publish again. False: it refused them. */
  readonly transient: boolean;

  constructor(message: string, options: { transient: boolean; cause?: unknown }) {
    super(message, { cause: options.cause });
    this.transient = options.transient;
  }
}

/** Thrown by `publish` when too much waits already; nothing of the call was sent. */
export class BrokerBusy extends Error {
  override readonly name = 'BrokerBusy';
  readonly transient = true;
}

/** The offsets of the store and the log of the broker do not belong together; going on would skip or repeat silently. */
export class LogMismatch extends Error {
  override readonly name = 'LogMismatch';
}
