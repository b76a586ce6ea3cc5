/** An event about to be appended. Its stream and version are given by the `StreamAppend` that carries it. */
export interface NewEvent {
  /** Lower-case UUID, unique in the store. Deterministic where the cause can be replayed (uuidv5 of the cause). */
  readonly id: string;
  readonly type: string;
  /** Version of the shape of `data`, from 1; old versions are lifted at read by upcasters. */
  readonly schemaVersion: number;
  /** Any JSON value. */
  readonly data: unknown;
  /** When it happened in the world; may lie before or after what the stream already holds. Kept to the millisecond. */
  readonly occurredAt: Date;
  /** Lower-case UUID shared by everything that one outside cause set off. */
  readonly correlationId: string;
  /** Lower-case UUID of the event or message that caused this one. */
  readonly causationId?: string | undefined;
  /** Who did it, such as `system:mitigation` or `api-key:7`. */
  readonly actor: string;
  /** W3C trace context, for joining the trace of the cause. */
  readonly traceparent?: string | undefined;
}

/** An event as the store gives it back, its data already lifted by the upcasters given to the read. */
export interface StoredEvent extends NewEvent {
  readonly streamId: string;
  /** Dense from 1 within the stream. */
  readonly version: number;
  /** Transaction that wrote it (xid8) and its number from one sequence: together the place in the feed. */
  readonly txid: bigint;
  readonly position: bigint;
  /** When it was written, to the millisecond. Never decreases within a stream. */
  readonly recordedAt: Date;
}
