/** A start that cannot go on, with a message that says the cure: shown to the user without a stack. */
export class StartError extends Error {
  override readonly name = 'StartError';
}
