/** How much one request, and all of them together, may ask of the service. */
export interface IntakeLimits {
  /** Of a JSON body, in bytes; also of what Kafka may have waiting before requests are turned away. */
  readonly bodyBytes: number;
  /** Of a JSON array; beyond it the caller sends lines. Also where the answer to lines begins to stream. */
  readonly items: number;
  /** Of one line, in bytes. */
  readonly lineBytes: number;
  /** Of one request of lines. */
  readonly lines: number;
  /** Items that are made durable together. */
  readonly chunk: number;
  /** Event ids remembered to find duplicates inside one request. */
  readonly remembered: number;
  /** Requests of lines at one time. */
  readonly streams: number;
  /** Bodies being read or waiting for their acknowledgement, in bytes. */
  readonly bytesInFlight: number;
}

export const intakeLimits: IntakeLimits = {
  bodyBytes: 16 * 1024 * 1024,
  items: 10_000,
  lineBytes: 1024 * 1024,
  lines: 1_000_000,
  chunk: 500,
  remembered: 100_000,
  streams: 64,
  bytesInFlight: 64 * 1024 * 1024,
};
