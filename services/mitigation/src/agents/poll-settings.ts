/** Injection token of {@link PollSettings}. */
export const POLL_SETTINGS = Symbol('poll settings');

/** How agents poll, in seconds. Source: agent-protocol.md, Delivery 10. */
export interface PollSettings {
  /** How long a check-in without work is held open. */
  readonly holdSeconds: number;
  /** How long an agent waits between two check-ins. */
  readonly nextPollSeconds: number;
}
